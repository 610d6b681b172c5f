//! The `[space]` table of an experiment file, checked; every error points into the file.

use super::axis::{Axis, Choice, Choices, Place, filled};
use super::expr::Constraint;
use super::{Objective, Pricing, Sampling, Search, Space};
use crate::config::{ConfigError, Diagnostic, Source, allowed_values};
use std::ops::Range;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

type At<'a> = Spanned<DeValue<'a>>;

/// Points that a space may have at the most.
const MOST_POINTS: i64 = 10_000_000;

/// Reads the text of a sweep file: an experiment with a `[space]` table.
pub(super) fn read(source: Source) -> Result<Space, ConfigError> {
    let text = source.text.clone();
    let bad = |e: toml::de::Error| source.at(e.span().unwrap_or(0..0), e.message().to_owned(), "");
    let spanned = DeTable::parse(&text).map_err(bad)?;
    let mut base: Table = toml::from_str(&text).map_err(bad)?;
    let Some((_, space)) = entries(spanned.get_ref()).into_iter().find(|(key, _)| key.get_ref() == "space") else {
        let help = "a sweep file is an experiment with a [space] table; docs/sweeps.md shows one";
        return Err(source.at(0..0, "there is no [space] table", help).into());
    };
    base.remove("space");
    let r = Reader { source: &source };
    let precision = r.base_precision(&mut base)?;
    let name = base.get("experiment").and_then(|e| e.get("name")).and_then(Value::as_str).unwrap_or("sweep").to_owned();
    let (mut found, table) = (Found::default(), r.table(space)?);
    for (key, value) in entries(table) {
        found.take(&r, key, value)?;
    }
    let (axes, pricing) = r.axes(found.axes, space.span())?;
    let constraints = found.constraints.iter().map(|(text, at)| Constraint::parse(&source, text, at.clone(), &axes));
    let constraints = constraints.collect::<Result<Vec<_>, _>>()?;
    let sampling = found.sampling(&source, &axes, space.span())?;
    Ok(Space {
        name,
        base,
        precision,
        axes,
        pricing,
        constraints,
        sampling,
        objectives: if found.objectives.is_empty() { Objective::DEFAULT.to_vec() } else { found.objectives },
        baseline: found.baseline,
        search: found.search,
        battery: found.battery,
        source,
    })
}

/// Entries in the file's order.
fn entries<'a, 'b>(table: &'b DeTable<'a>) -> Vec<(&'b Spanned<std::borrow::Cow<'a, str>>, &'b At<'a>)> {
    let mut all: Vec<_> = table.iter().collect();
    all.sort_by_key(|(key, _)| key.span().start);
    all
}

#[derive(Default)]
struct Found<'b, 'a> {
    kind: Option<(String, Range<usize>)>,
    points: Option<(usize, Range<usize>)>,
    seed: u64,
    axes: Option<&'b At<'a>>,
    constraints: Vec<(String, Range<usize>)>,
    objectives: Vec<Objective>,
    baseline: Option<String>,
    search: Option<Search>,
    battery: Option<super::Battery>,
}

const KEYS: [&str; 9] =
    ["sampling", "points", "seed", "axes", "constraints", "objectives", "baseline", "search", "battery"];

impl<'b, 'a> Found<'b, 'a> {
    fn take(
        &mut self,
        r: &Reader<'_>,
        key: &Spanned<std::borrow::Cow<'a, str>>,
        value: &'b At<'a>,
    ) -> Result<(), Diagnostic> {
        match key.get_ref().as_ref() {
            "sampling" => self.kind = Some((r.text(value)?, value.span())),
            "points" => {
                let n = r.whole(value, 1, MOST_POINTS)?;
                self.points = Some((usize::try_from(n).unwrap_or(1), value.span()));
            }
            "seed" => self.seed = u64::try_from(r.whole(value, 0, i64::from(u32::MAX))?).unwrap_or(0),
            "axes" => self.axes = Some(value),
            "constraints" => {
                for c in r.list(value)? {
                    self.constraints.push((r.text(c)?, c.span()));
                }
            }
            "objectives" => {
                for o in r.list(value)? {
                    self.objectives.push(r.objective(o)?);
                }
                if !(2..=4).contains(&self.objectives.len()) {
                    return Err(r.source.at(value.span(), "a frontier needs 2 to 4 objectives", Objective::help()));
                }
            }
            "baseline" => {
                let preset = r.text(value)?;
                self.baseline = Some(preset);
            }
            "search" => self.search = Some(r.search(value)?),
            "battery" => self.battery = Some(r.battery(value)?),
            other => {
                let help = allowed_values(other, "keys here", KEYS);
                return Err(r.source.at(key.span(), format!("unknown key `{other}`"), help));
            }
        }
        Ok(())
    }

    fn sampling(&self, source: &Source, axes: &[Axis], space: Range<usize>) -> Result<Sampling, Diagnostic> {
        let (kind, at) = self.kind.clone().unwrap_or(("grid".to_owned(), space));
        let points = || {
            let help = "add points = N, the number of points to draw";
            self.points
                .as_ref()
                .map(|p| p.0)
                .ok_or_else(|| source.at(at.clone(), format!("{kind} sampling needs `points`"), help))
        };
        match kind.as_str() {
            "grid" => {
                if let Some((_, at)) = &self.points {
                    let help =
                        "a grid has all combinations; drop `points`, or write sampling = \"random\" or \"sobol\"";
                    return Err(source.at(at.clone(), "a grid takes no `points`", help));
                }
                if let Some(axis) = axes.iter().find(|a| a.choices.grid_len().is_none()) {
                    let help = "add steps = N, or write sampling = \"random\" or \"sobol\"";
                    return Err(source.at(axis.span.clone(), format!("axis `{}` has no grid", axis.name), help));
                }
                let n = axes.iter().try_fold(1usize, |n, a| n.checked_mul(a.choices.grid_len()?));
                match n {
                    Some(n) if i64::try_from(n).is_ok_and(|n| n <= MOST_POINTS) => Ok(Sampling::Grid),
                    _ => {
                        let help = "write sampling = \"random\" or \"sobol\" with points = N";
                        Err(source.at(at, format!("the grid has more than {MOST_POINTS} combinations"), help))
                    }
                }
            }
            "random" => Ok(Sampling::Random { points: points()?, seed: self.seed }),
            "sobol" => Ok(Sampling::Sobol { points: points()?, seed: self.seed }),
            other => {
                let help = allowed_values(other, "allowed", ["grid", "random", "sobol"]);
                Err(source.at(at, format!("sampling = \"{other}\" is not known"), help))
            }
        }
    }
}

/// Reads single values.
pub(super) struct Reader<'s> {
    pub source: &'s Source,
}

impl Reader<'_> {
    pub fn wrong(&self, value: &At<'_>, wanted: &str) -> Diagnostic {
        self.source.at(value.span(), format!("this is {}", value.get_ref().type_str()), format!("give {wanted}"))
    }

    pub fn table<'b, 'a>(&self, value: &'b At<'a>) -> Result<&'b DeTable<'a>, Diagnostic> {
        value.get_ref().as_table().ok_or_else(|| self.wrong(value, "a table"))
    }

    pub fn list<'b, 'a>(&self, value: &'b At<'a>) -> Result<Vec<&'b At<'a>>, Diagnostic> {
        let array = value.get_ref().as_array().ok_or_else(|| self.wrong(value, "a list [ … ]"))?;
        Ok(array.iter().collect())
    }

    pub fn text(&self, value: &At<'_>) -> Result<String, Diagnostic> {
        value.get_ref().as_str().map(str::to_owned).ok_or_else(|| self.wrong(value, "a text in quotes"))
    }

    pub fn number(&self, value: &At<'_>) -> Result<f64, Diagnostic> {
        match scalar(value) {
            Some(Value::Integer(n)) => Ok(n as f64),
            Some(Value::Float(x)) if x.is_finite() => Ok(x),
            _ => Err(self.wrong(value, "a number")),
        }
    }

    pub fn whole(&self, value: &At<'_>, low: i64, high: i64) -> Result<i64, Diagnostic> {
        match scalar(value) {
            Some(Value::Integer(n)) if (low..=high).contains(&n) => Ok(n),
            _ => Err(self.wrong(value, &format!("a whole number from {low} to {high}"))),
        }
    }

    fn objective(&self, value: &At<'_>) -> Result<Objective, Diagnostic> {
        let text = self.text(value)?;
        Objective::ALL.into_iter().find(|o| o.name() == text).ok_or_else(|| {
            let help = allowed_values(&text, "objectives", Objective::ALL.map(Objective::name));
            self.source.at(value.span(), format!("`{text}` is no objective"), help)
        })
    }

    /// The one precision that all points start from, taken out of the file.
    fn base_precision(&self, base: &mut Table) -> Result<Table, Diagnostic> {
        match base.remove("precision") {
            None => Ok(Table::from_iter([("preset".to_owned(), Value::String("float".to_owned()))])),
            Some(Value::Array(mut list)) if list.len() == 1 => match list.pop() {
                Some(Value::Table(table)) => Ok(table),
                _ => Err(self.source.at(0..0, "[[precision]] is no table", "write [[precision]] with preset = \"…\"")),
            },
            Some(_) => {
                let at = self.source.text.find("[[precision]]").unwrap_or(0);
                let help = "keep one as the start of every point, and make the others choices of an axis";
                Err(self.source.at(at..at + 13, "a sweep starts from one [[precision]]", help))
            }
        }
    }

    /// Axes of learning, and the boards and kernel sets that every point is priced on.
    fn axes(&self, axes: Option<&At<'_>>, space: Range<usize>) -> Result<(Vec<Axis>, Pricing), Diagnostic> {
        let help = "add [space.axes] with a list of choices for each key to sweep, e.g. preset = [\"hybrid-8\", \"hybrid-16\"]";
        let Some(axes) = axes else { return Err(self.source.at(space, "the space has no axes", help)) };
        let (mut found, mut pricing) = (Vec::new(), Pricing::default());
        for (key, value) in entries(self.table(axes)?) {
            match key.get_ref().as_ref() {
                "board" => pricing.boards = self.names(value)?,
                "kernel_set" => pricing.kernel_sets = self.names(value)?,
                "override" => pricing.overrides = self.overrides(value)?,
                _ => found.push(self.axis(key.get_ref(), key.span(), value)?),
            }
        }
        if found.is_empty() {
            return Err(self.source.at(axes.span(), "the space has no axes", help));
        }
        Ok((found, pricing))
    }

    fn names(&self, value: &At<'_>) -> Result<Vec<(String, Range<usize>)>, Diagnostic> {
        let names: Vec<_> =
            self.list(value)?.into_iter().map(|v| Ok((self.text(v)?, v.span()))).collect::<Result<_, _>>()?;
        if names.is_empty() {
            return Err(self.source.at(value.span(), "an axis without choices", "list at least one, or drop the axis"));
        }
        Ok(names)
    }

    fn axis(&self, name: &str, span: Range<usize>, value: &At<'_>) -> Result<Axis, Diagnostic> {
        let place = Place::parse(name);
        let choices = match value.get_ref() {
            DeValue::Array(_) => Choices::List(
                self.list(value)?
                    .into_iter()
                    .map(|v| self.choice(v, place.as_ref(), &span))
                    .collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => self.templated(table, value, place.as_ref(), &span)?,
            _ => return Err(self.wrong(value, "a list of choices, or a table with `values` or `low` and `high`")),
        };
        if choices.grid_len() == Some(0) {
            return Err(self.source.at(value.span(), "an axis without choices", "list at least one, or drop the axis"));
        }
        Ok(Axis { name: name.to_owned(), span, choices })
    }

    fn no_place(&self, span: &Range<usize>) -> Diagnostic {
        let help = format!(
            "say what it sets with `set`, or name the axis after a key: {}, board, kernel_set, override",
            Place::FORMS
        );
        self.source.at(span.clone(), "this axis sets nothing in an experiment", help)
    }

    /// A value of the axis's own key, or `{ label = …, set = { key = value } }`.
    fn choice(&self, value: &At<'_>, place: Option<&Place>, axis: &Range<usize>) -> Result<Choice, Diagnostic> {
        let DeValue::Table(table) = value.get_ref() else {
            let place = place.ok_or_else(|| self.no_place(axis))?;
            let (plain, label, number) = self.plain(value)?;
            return Ok(Choice { label, number, set: vec![(place.clone(), plain)], span: value.span() });
        };
        let (mut label, mut number, mut set) = (None, None, Vec::new());
        for (key, value) in entries(table) {
            match key.get_ref().as_ref() {
                "label" => {
                    let (_, text, n) = self.plain(value)?;
                    (label, number) = (Some(text), n);
                }
                "set" => set = self.places(value)?,
                other => {
                    let help = allowed_values(other, "keys here", ["label", "set"]);
                    return Err(self.source.at(key.span(), format!("unknown key `{other}`"), help));
                }
            }
        }
        let label =
            label.ok_or_else(|| self.source.at(value.span(), "a choice without `label`", "add label = \"…\""))?;
        Ok(Choice { label, number, set, span: value.span() })
    }

    /// `{ values = […], set = { key = "int{}" } }` or `{ low = …, high = …, scale = …, steps = … }`.
    fn templated(
        &self,
        table: &DeTable<'_>,
        whole: &At<'_>,
        place: Option<&Place>,
        axis: &Range<usize>,
    ) -> Result<Choices, Diagnostic> {
        let get = |name: &str| entries(table).into_iter().find(|(k, _)| k.get_ref() == name).map(|(_, v)| v);
        const ALLOWED: [&str; 6] = ["values", "set", "low", "high", "scale", "steps"];
        for (key, _) in entries(table) {
            if !ALLOWED.contains(&key.get_ref().as_ref()) {
                let help = allowed_values(key.get_ref(), "keys here", ALLOWED);
                return Err(self.source.at(key.span(), format!("unknown key `{}`", key.get_ref()), help));
            }
        }
        let set = match (get("set"), place) {
            (Some(set), _) => self.places(set)?,
            (None, Some(place)) => vec![(place.clone(), Value::String("{}".to_owned()))],
            (None, None) => return Err(self.no_place(axis)),
        };
        if let Some(values) = get("values") {
            let one = |v: &At<'_>| -> Result<Choice, Diagnostic> {
                let (plain, label, number) = self.plain(v)?;
                let set = set.iter().map(|(place, t)| (place.clone(), filled(t, &plain, &label))).collect();
                Ok(Choice { label, number, set, span: v.span() })
            };
            return Ok(Choices::List(self.list(values)?.into_iter().map(one).collect::<Result<_, _>>()?));
        }
        self.range(whole, (get("low"), get("high")), (get("scale"), get("steps")), set)
    }
}

/// A scalar as a plain TOML value.
pub(super) fn scalar(value: &At<'_>) -> Option<Value> {
    match value.get_ref() {
        DeValue::String(s) => Some(Value::String(s.clone().into_owned())),
        DeValue::Boolean(b) => Some(Value::Boolean(*b)),
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).ok().map(Value::Integer),
        DeValue::Float(x) => x.as_str().parse().ok().map(Value::Float),
        _ => None,
    }
}
