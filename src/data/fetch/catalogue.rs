//! What can be fetched: addresses and checksums as the publishers or torchvision and Avalanche give them, and the licences.

/// A file on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    /// Its name, here and there.
    pub name: &'static str,
    /// Its address.
    pub url: &'static str,
    /// Published checksum.
    pub md5: &'static str,
    /// A zip archive that the readers need unpacked.
    pub unpack: bool,
}

/// A data set on servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteSet {
    /// Name on the command line.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Licence, or what is known instead, and whom to cite.
    pub licence: &'static str,
    /// `[data]` keys that read it once it is there.
    pub usage: &'static str,
    /// Its files.
    pub files: &'static [Remote],
}

const fn plain(name: &'static str, url: &'static str, md5: &'static str) -> Remote {
    Remote { name, url, md5, unpack: false }
}

const fn zipped(name: &'static str, url: &'static str, md5: &'static str) -> Remote {
    Remote { name, url, md5, unpack: true }
}

const CIFAR: &str = "No explicit licence; free for research, cite Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.";

/// All of them.
pub static CATALOGUE: [RemoteSet; 8] = [
    RemoteSet {
        name: "cifar10",
        title: "CIFAR-10, binary: 60,000 colour images of 32 × 32 in 10 classes",
        licence: CIFAR,
        usage: "kind = \"cifar10\", path = \"cifar-10-binary.tar.gz\"",
        files: &[plain(
            "cifar-10-binary.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "c32a1d4ab5d03f1284b67883e8d87530",
        )],
    },
    RemoteSet {
        name: "cifar10-python",
        title: "CIFAR-10, Python pickles",
        licence: CIFAR,
        usage: "kind = \"cifar10\", path = \"cifar-10-python.tar.gz\"",
        files: &[plain(
            "cifar-10-python.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            "c58f30108f718f92721af3b95e74349a",
        )],
    },
    RemoteSet {
        name: "cifar100",
        title: "CIFAR-100, binary: 60,000 colour images of 32 × 32 in 100 classes",
        licence: CIFAR,
        usage: "kind = \"cifar100\", path = \"cifar-100-binary.tar.gz\"",
        files: &[plain(
            "cifar-100-binary.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
            "03b5dce01913d631647c71ecec9e9cb8",
        )],
    },
    RemoteSet {
        name: "cifar100-python",
        title: "CIFAR-100, Python pickles",
        licence: CIFAR,
        usage: "kind = \"cifar100\", path = \"cifar-100-python.tar.gz\"",
        files: &[plain(
            "cifar-100-python.tar.gz",
            "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
            "eb9058c3a382ffc7106e4002c42a8d85",
        )],
    },
    RemoteSet {
        name: "core50",
        title: "CORe50: 164,866 images of 128 × 128 of 50 objects in 11 sessions, with the lists of all scenarios",
        licence: "CC BY 4.0; cite Lomonaco and Maltoni, CORe50: a New Dataset and Benchmark for Continuous Object Recognition, CoRL 2017.",
        usage: "kind = \"core50\", path = the folder",
        files: &[
            zipped(
                "core50_128x128.zip",
                "http://bias.csr.unibo.it/maltoni/download/core50/core50_128x128.zip",
                "745f3373fed08d69343f1058ee559e13",
            ),
            zipped(
                "batches_filelists.zip",
                "https://vlomonaco.github.io/core50/data/batches_filelists.zip",
                "e3297508a8998ba0c99a83d6b36bde62",
            ),
            zipped(
                "batches_filelists_NICv2.zip",
                "https://vlomonaco.github.io/core50/data/batches_filelists_NICv2.zip",
                "460f980a6c85b86b1ec8e7c6067bb7a3",
            ),
            plain("paths.pkl", "https://vlomonaco.github.io/core50/data/paths.pkl", "b568f86998849184df3ec3465290f1b0"),
            plain("LUP.pkl", "https://vlomonaco.github.io/core50/data/LUP.pkl", "33afc26faa460aca98739137fdfa606e"),
            plain(
                "labels.pkl",
                "https://vlomonaco.github.io/core50/data/labels.pkl",
                "281c95774306a2196f4505f22fd60ab1",
            ),
        ],
    },
    RemoteSet {
        name: "mnist",
        title: "MNIST: 70,000 grey images of 28 × 28 in 10 classes",
        licence: "Usually stated as CC BY-SA 3.0; cite LeCun, Bottou, Bengio and Haffner, 1998.",
        usage: "kind = \"idx\", path = the folder",
        files: &[
            plain(
                "train-images-idx3-ubyte.gz",
                "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            ),
            plain(
                "train-labels-idx1-ubyte.gz",
                "https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",
                "d53e105ee54ea40749a09fcbcd1e9432",
            ),
            plain(
                "t10k-images-idx3-ubyte.gz",
                "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz",
                "9fb629c4189551a2d022fa330f9573f3",
            ),
            plain(
                "t10k-labels-idx1-ubyte.gz",
                "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
        ],
    },
    RemoteSet {
        name: "fashion-mnist",
        title: "Fashion-MNIST: 70,000 grey images of 28 × 28 in 10 classes",
        licence: "MIT; cite Xiao, Rasul and Vollgraf, arXiv 1708.07747.",
        usage: "kind = \"idx\", path = the folder",
        files: &[
            plain(
                "train-images-idx3-ubyte.gz",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz",
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            ),
            plain(
                "train-labels-idx1-ubyte.gz",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",
                "25c81989df183df01b3e8a0aad5dffbe",
            ),
            plain(
                "t10k-images-idx3-ubyte.gz",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-images-idx3-ubyte.gz",
                "bef4ecab320f06d8554ea6380940ec79",
            ),
            plain(
                "t10k-labels-idx1-ubyte.gz",
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-labels-idx1-ubyte.gz",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
        ],
    },
    RemoteSet {
        name: "gtsrb",
        title: "German Traffic Sign Recognition Benchmark, as torchvision has it: 26,640 + 12,630 images in 43 classes",
        licence: "No explicit licence; free for research, cite Stallkamp, Schlipsing, Salmen and Igel, 2012.",
        usage: "kind = \"gtsrb\", train = \"GTSRB/Training\", test = \"GT-final_test.csv\"",
        files: &[
            zipped(
                "GTSRB-Training_fixed.zip",
                "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/GTSRB-Training_fixed.zip",
                "513f3c79a4c5141765e10e952eaa2478",
            ),
            zipped(
                "GTSRB_Final_Test_Images.zip",
                "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/GTSRB_Final_Test_Images.zip",
                "c7e4e6327067d32654124b0fe9e82185",
            ),
            zipped(
                "GTSRB_Final_Test_GT.zip",
                "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/GTSRB_Final_Test_GT.zip",
                "fe31e9c9270bbcd7b84b7f21a9d9d9e5",
            ),
        ],
    },
];
