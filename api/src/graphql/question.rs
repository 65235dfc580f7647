//! Arguments of a dataset, read into a question.

use super::{
    names::{COMPARISONS, Dataset, MEASURES, QUANTILES, takes_list},
    value,
};
use async_graphql::{Error, Name, SelectionField, Value, dynamic::ResolverContext, indexmap::IndexMap};
use mailwright_storage::activity::analytics::{Condition, Dimension, Measure, Order, OrderBy, Question};

/// Most rows of an answer.
pub(super) const MAX_ROWS: u64 = 10_000;
/// Most conditions of a filter.
const MAX_CONDITIONS: usize = 200;
/// How deep AND and OR can be in each other.
const MAX_NESTED: usize = 8;
/// Most values of a list to compare with.
const MAX_LIST: usize = 1_000;
/// Most criteria of an order.
const MAX_ORDER: usize = 10;

/// What is asked of a dataset.
///
/// # Errors
/// For whatever makes no sense, in a sentence that says where.
pub(super) fn read(context: &ResolverContext<'_>, dataset: Dataset) -> Result<Question, Error> {
    let selected: Vec<_> = context.field().selection_set().collect();
    let argument = |name: &str| context.args.get(name).map(|value| value.as_value());
    let condition = match argument("filter") {
        Some(Value::Object(fields)) => Reader { dataset, conditions: 0 }.all(fields, 0)?,
        _ => Condition::none(),
    };
    let limit = match argument("limit") {
        None | Some(Value::Null) => MAX_ROWS,
        Some(value) => {
            value::whole(value).filter(|limit| (1..=MAX_ROWS).contains(limit)).ok_or_else(|| {
                Error::new(format!(
                    "limit: an answer has 1 to {MAX_ROWS} rows; ask for fewer, or a shorter time."
                ))
            })?
        }
    };
    let dimensions = dimensions(dataset, &selected);
    let order = match argument("orderBy") {
        Some(Value::List(items)) => order(dataset, items)?,
        Some(one @ (Value::Enum(_) | Value::String(_))) => order(dataset, std::slice::from_ref(one))?,
        _ => Vec::new(),
    };
    let of_groups = dataset.counts.then_some(&dimensions);
    for order in &order {
        if let (OrderBy::Dimension(by), Some(dimensions)) = (order.by, of_groups)
            && !dimensions.contains(&by)
        {
            let why =
                format!("orderBy: {0} is not what is counted by; ask for {0} among the dimensions.", by.name);
            return Err(Error::new(why));
        }
    }
    let by_percentile = |order: &Order| matches!(order.by, OrderBy::Measure(Measure::TimePercentile(_)));
    let percentiles =
        selected.iter().any(|field| field.name() == QUANTILES) || order.iter().any(by_percentile);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(Question { condition, dimensions, order, limit, percentiles })
}

/// What is selected: of groups below `dimensions`, of single recipients beside each other.
fn dimensions(dataset: Dataset, selected: &[SelectionField<'_>]) -> Vec<&'static Dimension> {
    let mut names: Vec<&str> = Vec::new();
    for field in selected {
        if !dataset.counts {
            names.push(field.name());
        } else if field.name() == "dimensions" {
            names.extend(field.selection_set().map(|inner| inner.name()));
        }
    }
    let mut dimensions = Vec::new();
    for dimension in names.into_iter().filter_map(|name| Dimension::named(dataset.direction, name)) {
        if !dimensions.contains(&dimension) {
            dimensions.push(dimension);
        }
    }
    dimensions
}

fn order(dataset: Dataset, items: &[Value]) -> Result<Vec<Order>, Error> {
    if items.len() > MAX_ORDER {
        return Err(Error::new(format!("orderBy: an order has {MAX_ORDER} criteria at most.")));
    }
    items.iter().map(|item| criterion(dataset, item)).collect()
}

fn criterion(dataset: Dataset, item: &Value) -> Result<Order, Error> {
    let text = match item {
        Value::Enum(name) => name.as_str(),
        Value::String(text) => text.as_str(),
        _ => "",
    };
    let unknown = || Error::new(format!("orderBy: {} cannot be ordered by {text:?}.", dataset.field()));
    let (name, direction) = text.rsplit_once('_').ok_or_else(unknown)?;
    let by = match Dimension::named(dataset.direction, name) {
        Some(dimension) => OrderBy::Dimension(dimension),
        None => OrderBy::Measure(measure(name).filter(|_| dataset.counts).ok_or_else(unknown)?),
    };
    Ok(Order { by, descending: direction == "DESC" })
}

/// The measure that orders call `sum_bytes` or `count`.
fn measure(name: &str) -> Option<Measure> {
    let Some((of, name)) = name.split_once('_') else { return (name == "count").then_some(Measure::Count) };
    let (_, measures) = MEASURES.iter().find(|(object, _)| *object == of)?;
    measures.iter().find(|(measure, _)| *measure == name).map(|(_, measure)| *measure)
}

/// Reads a filter.
struct Reader {
    dataset: Dataset,
    conditions: usize,
}

impl Reader {
    fn all(&mut self, fields: &IndexMap<Name, Value>, depth: usize) -> Result<Condition, Error> {
        if depth > MAX_NESTED {
            return Err(Error::new(format!("filter: AND and OR can be {MAX_NESTED} deep in each other.")));
        }
        let mut all = Vec::new();
        for (name, value) in fields {
            match (name.as_str(), value) {
                ("AND", value) => all.extend(self.each(value, depth)?),
                ("OR", value) => {
                    let any = self.each(value, depth)?;
                    all.extend((!any.is_empty()).then_some(Condition::Any(any)));
                }
                (name, value) => all.push(self.comparison(name, value)?),
            }
        }
        Ok(Condition::All(all))
    }

    fn each(&mut self, value: &Value, depth: usize) -> Result<Vec<Condition>, Error> {
        let one = |reader: &mut Self, value: &Value| match value {
            Value::Object(fields) => reader.all(fields, depth + 1),
            _ => Err(Error::new("filter: AND and OR take lists of filters.")),
        };
        match value {
            Value::List(values) => values.iter().map(|value| one(self, value)).collect(),
            value => Ok(vec![one(self, value)?]),
        }
    }

    fn comparison(&mut self, name: &str, value: &Value) -> Result<Condition, Error> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(Error::new(format!("filter: a filter has {MAX_CONDITIONS} conditions at most.")));
        }
        let wrong = |why: &str| Error::new(format!("filter.{name} {why}."));
        let (dimension, suffix) = name.split_once('_').unwrap_or((name, ""));
        let dimension = Dimension::named(self.dataset.direction, dimension);
        let comparison = COMPARISONS.iter().find(|(name, _)| *name == suffix);
        let (Some(dimension), Some((_, comparison))) = (dimension, comparison) else {
            return Err(wrong("is not known"));
        };
        let values = match value {
            Value::Null => return Err(wrong("is null: leave it out, or give it a value")),
            Value::List(values) if values.len() > MAX_LIST => {
                return Err(wrong("is a list of more than 1,000 values"));
            }
            Value::List(values) if takes_list(*comparison) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        let cells = values.iter().map(|value| value::read(dimension, value).map_err(wrong));
        Ok(Condition::Compare(dimension, *comparison, cells.collect::<Result<_, _>>()?))
    }
}
