//! The ready-made cluster scripts, run: GNU parallel, and SLURM on this machine alone. Skipped where the programs are not installed.

use super::{results, space, succeeds, write};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/cluster").join(name)
}

fn there(program: &str) -> bool {
    let found = Command::new("which").arg(program).stdout(Stdio::null()).status().is_ok_and(|s| s.success());
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

#[test]
#[ignore = "needs GNU parallel"]
fn gnu_parallel_ends_as_one_machine_does() {
    if !there("parallel") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "one"]);
    let output = Command::new(script("sweep.parallel"))
        .args(["x.toml", "many", "3", "--jobs", "2"])
        .current_dir(dir.path())
        .env("TINYPREC", env!("CARGO_BIN_EXE_tinyprec"))
        .env("TINYPREC_CACHE", dir.path().join("features"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(results(dir.path(), "one") == results(dir.path(), "many"));
}

/// Daemons that end with the test.
struct Daemons(Vec<Child>);

impl Drop for Daemons {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A cluster of this machine alone in a folder: munge, controller and node, all in the foreground and without cgroups.
struct Cluster {
    config: PathBuf,
    _daemons: Daemons,
}

const CONFIG: &str = "
ClusterName=one
SlurmctldHost=HOST(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=DIR/munge.sock
CredType=cred/munge
StateSaveLocation=DIR/state
SlurmdSpoolDir=DIR/spool
SlurmctldPidFile=DIR/slurmctld.pid
SlurmdPidFile=DIR/slurmd.pid
SlurmctldLogFile=DIR/slurmctld.log
SlurmdLogFile=DIR/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
JobRequeue=1
RequeueExit=99
SchedulerParameters=requeue_delay=1
NodeName=HOST NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
";

impl Cluster {
    fn start(dir: &Path) -> Self {
        let mut daemons = Daemons(Vec::new());
        let path = |name: &str| dir.join(name).display().to_string();
        for folder in ["state", "spool"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        // Any 128 bytes will do for a key that lives as long as this test.
        fs::write(dir.join("munge.key"), [7u8; 128]).unwrap();
        let permissions = |name: &str, mode: &str| Command::new("chmod").args([mode, &path(name)]).status().unwrap();
        permissions("munge.key", "600");
        let host = Command::new("hostname").arg("-s").output().unwrap().stdout;
        let host = String::from_utf8_lossy(&host).trim().to_owned();
        let config = dir.join("slurm.conf");
        fs::write(&config, CONFIG.replace("DIR", &dir.display().to_string()).replace("HOST", &host)).unwrap();
        let mut start = |program: &str, arguments: &[String]| {
            let log = fs::File::create(dir.join(format!("{program}.out"))).unwrap();
            let mut command = Command::new(program);
            command.args(arguments).stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
            daemons.0.push(command.spawn().unwrap());
        };
        let munge = ["--foreground", "--force"].map(str::to_owned).into_iter().chain(
            [
                ("key-file", "munge.key"),
                ("socket", "munge.sock"),
                ("pid-file", "munge.pid"),
                ("log-file", "munge.log"),
                ("seed-file", "munge.seed"),
            ]
            .map(|(key, name)| format!("--{key}={}", path(name))),
        );
        start("munged", &munge.collect::<Vec<_>>());
        sleep(Duration::from_secs(1));
        let conf = config.display().to_string();
        start("slurmctld", &["-D".to_owned(), "-c".to_owned(), "-f".to_owned(), conf.clone()]);
        sleep(Duration::from_secs(2));
        start("slurmd", &["-D".to_owned(), "-c".to_owned(), "-N".to_owned(), host, "-f".to_owned(), conf]);
        let cluster = Self { config, _daemons: daemons };
        cluster.wait(60, "the node did not come up", |c| c.call("sinfo", &["-h", "-o", "%T"]).contains("idle"));
        cluster
    }

    fn call(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).env("SLURM_CONF", &self.config).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    fn wait(&self, seconds: u64, what: &str, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            if start.elapsed() > Duration::from_secs(seconds) {
                let dir = self.config.parent().unwrap();
                let log = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
                let all = ["munged.out", "slurmctld.out", "slurmctld.log", "slurmd.out", "slurmd.log"]
                    .map(log)
                    .join("\n---\n");
                panic!("{what}: {}\n{all}", self.call("squeue", &[]));
            }
            sleep(Duration::from_millis(200));
        }
    }
}

#[test]
#[ignore = "needs slurmctld, slurmd and munge, and root; a minute"]
fn a_slurm_array_with_a_requeued_and_a_killed_task_ends_as_one_machine_does() {
    if !["slurmctld", "slurmd", "munged", "sbatch"].into_iter().all(there) {
        return;
    }
    let dir = tempfile::Builder::new().prefix("slurm").tempdir().unwrap();
    // Long enough that both tasks are met in the middle of their work.
    let long = space().replace("epochs_first = 4", "epochs_first = 150");
    fs::write(dir.path().join("x.toml"), long).unwrap();
    succeeds(dir.path(), &["sweep", "x.toml", "--out", "one"]);
    let cluster = Cluster::start(dir.path());
    let out = dir.path().join("many");
    let export = format!("--export=ALL,SWEEP={},OUT={}", dir.path().join("x.toml").display(), out.display());
    let script = script("sweep.slurm").display().to_string();
    let submitted = Command::new("sbatch")
        .args(["--array=1-3", &export, "--output=task-%a.txt", &script])
        .current_dir(dir.path())
        .env("SLURM_CONF", &cluster.config)
        .env("TINYPREC", env!("CARGO_BIN_EXE_tinyprec"))
        .env("TINYPREC_CACHE", dir.path().join("features"))
        .output()
        .unwrap();
    let reply = String::from_utf8_lossy(&submitted.stdout).into_owned();
    assert!(submitted.status.success(), "{reply}{}", String::from_utf8_lossy(&submitted.stderr));
    let job = reply.split_whitespace().last().unwrap().to_owned();
    // The first task is requeued as soon as it has finished a point, the second one killed.
    let points = |shard: usize| {
        let log = fs::read_to_string(out.join(format!("log/shard-{shard}-of-3.log"))).unwrap_or_default();
        log.matches("{\"point\"").count()
    };
    let told = |task: usize| cluster.call("scontrol", &["show", "job", &format!("{job}_{task}")]);
    cluster.wait(120, "the first task finished no point", |_| points(1) > 0);
    cluster.call("scontrol", &["requeue", &format!("{job}_1")]);
    assert!(points(1) < 4, "the first task was through before it could be requeued");
    cluster.wait(120, "the second task finished no point", |_| points(2) > 0);
    cluster.call("scancel", &["--signal=KILL", &format!("{job}_2")]);
    assert!(points(2) < 4, "the second task was through before it could be killed");
    cluster.wait(60, "the first task was not requeued", |_| told(1).contains("Restarts=1"));
    // A requeued job waits two minutes unless it is told not to.
    cluster.call("scontrol", &["update", &format!("JobId={job}_1"), "StartTime=now"]);
    cluster.wait(240, "the array did not end", |c| c.call("squeue", &["-h"]).trim().is_empty());
    let said = || fs::read_to_string(dir.path().join("task-1.txt")).unwrap_or_default();
    assert!(told(1).contains("JobState=COMPLETED"), "{}\n{}", told(1), said());
    let ended = ["JobState=CANCELLED", "JobState=FAILED"];
    assert!(ended.iter().any(|state| told(2).contains(state)), "{}", told(2));
    let missing = super::fails(dir.path(), &["sweep", "merge", "x.toml", "--out", "many", "--cache", "features"]);
    assert!(missing.contains("of 12 points"), "{missing}");
    // A killed task is sent again by whoever watches the array: the same script, only that task.
    let again = Command::new("sbatch")
        .args(["--wait", "--array=2", &export, "--output=task-again-%a.txt", "--wrap"])
        .arg(format!(
            "{} sweep run {} --out {} --shard 2/3",
            env!("CARGO_BIN_EXE_tinyprec"),
            dir.path().join("x.toml").display(),
            out.display()
        ))
        .current_dir(dir.path())
        .env("SLURM_CONF", &cluster.config)
        .status()
        .unwrap();
    assert!(again.success(), "the killed task cannot be sent again");
    succeeds(dir.path(), &["sweep", "merge", "x.toml", "--out", "many"]);
    assert!(results(dir.path(), "one") == results(dir.path(), "many"), "the array's result is another one");
}
