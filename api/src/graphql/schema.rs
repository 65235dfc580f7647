//! The schema, made of the table of dimensions.

use super::{
    names::{COMPARISONS, Dataset, Level, MEASURES, compares, measured, scalar, takes_list},
    question::MAX_ROWS,
    resolve,
    value::{self, is_date, is_time},
};
use async_graphql::{
    Value,
    dynamic::{
        Enum, EnumItem, Field, FieldFuture, FieldValue, InputObject, InputValue, Object, Scalar, Schema,
        SchemaBuilder, SchemaError, TypeRef,
    },
};
use mailwright_storage::activity::analytics::Dimension;

/// Fields below each other: as many as the introspection of clients asks for.
pub(super) const MAX_DEPTH: usize = 20;
/// Fields of a query in all, those of fragments each time they are used.
pub(super) const MAX_FIELDS: usize = 1_000;

/// Makes the schema.
pub(super) fn build() -> Result<Schema, SchemaError> {
    let query = Object::new("Query").field(
        Field::new("viewer", TypeRef::named_nn("viewer"), |_| {
            FieldFuture::Value(Some(FieldValue::value(true)))
        })
        .description("What whoever asks may see."),
    );
    let mut viewer = Object::new("viewer");
    let mut builder = scalars(Schema::build("Query", None, None));
    for level in Level::ALL {
        viewer = viewer.field(level_field(level));
        let tag = Field::new(level.tag(), TypeRef::named_nn("string"), |context| resolve::tag(&context));
        let mut object = Object::new(level.object()).field(tag.description("Its id."));
        for dataset in Dataset::all(level) {
            object = object.field(dataset_field(dataset));
            builder = dataset_types(dataset, builder);
        }
        let list = InputValue::new(format!("{}_in", level.tag()), TypeRef::named_nn_list("string"));
        let which = InputObject::new(level.filter())
            .field(InputValue::new(level.tag(), TypeRef::named("string")).description("One."))
            .field(list.description("Any of these, ten at most."));
        builder = builder.register(object).register(which);
    }
    builder.register(query).register(viewer).limit_depth(MAX_DEPTH).limit_complexity(MAX_FIELDS).finish()
}

fn scalars(builder: SchemaBuilder) -> SchemaBuilder {
    let number = |name: &str, most: u64| {
        Scalar::new(name).validator(move |value| value::whole(value).is_some_and(|number| number <= most))
    };
    let is_text = |value: &Value| matches!(value, Value::String(_));
    builder
        .register(Scalar::new("string").description("Text.").validator(is_text))
        .register(number("uint8", u8::MAX.into()).description("A whole number from 0 to 255."))
        .register(number("uint64", u64::MAX).description("A whole number from 0 on."))
        .register(
            Scalar::new("float64")
                .description("A number.")
                .validator(|value| matches!(value, Value::Number(_))),
        )
        .register(Scalar::new("Date").description("A day in UTC, as \"2026-11-21\".").validator(is_date))
        .register(
            Scalar::new("Time")
                .description("A moment by RFC 3339, as \"2026-11-21T10:00:00Z\".")
                .validator(is_time),
        )
}

fn level_field(level: Level) -> Field {
    let list = TypeRef::named_nn_list_nn(level.object());
    let field = Field::new(level.list(), list, move |context| {
        FieldFuture::new(async move {
            resolve::viewed(&context, level).map_err(|error| resolve::placed(&context, error))
        })
    });
    field.argument(InputValue::new("filter", TypeRef::named_nn(level.filter())).description("Which."))
}

fn dataset_field(dataset: Dataset) -> Field {
    let list = TypeRef::named_nn_list_nn(dataset.type_name());
    let field = Field::new(dataset.field(), list, move |context| {
        FieldFuture::new(async move {
            let answer = resolve::dataset(&context, dataset).await;
            answer.map_err(|error| resolve::placed(&context, error))
        })
    });
    let filter = TypeRef::named(dataset.type_of("Filter_InputObject"));
    let order = TypeRef::named_nn_list(dataset.type_of("OrderBy"));
    let most = format!("Most rows of the answer, {MAX_ROWS} at most and where nobody says.");
    field
        .description(dataset.description())
        .argument(InputValue::new("filter", filter).description("Which of them."))
        .argument(InputValue::new("limit", TypeRef::named("uint64")).description(most))
        .argument(InputValue::new("orderBy", order).description("In which order."))
}

/// The types that a dataset brings.
fn dataset_types(dataset: Dataset, builder: SchemaBuilder) -> SchemaBuilder {
    let builder = builder.register(filter(dataset)).register(order(dataset));
    if !dataset.counts {
        let rows = Object::new(dataset.type_name()).description(dataset.description());
        return builder
            .register(dimensions(dataset).fold(rows, |rows, dimension| rows.field(told(dimension))));
    }
    let count = plucked("count", TypeRef::named_nn("uint64")).description("How many recipients.");
    let own = plucked("dimensions", TypeRef::named(dataset.type_of("Dimensions")));
    let mut groups = Object::new(dataset.type_name())
        .description(dataset.description())
        .field(count)
        .field(own.description("What they have in common."));
    let mut builder = builder;
    for (of, measures) in MEASURES {
        let name = dataset.type_of(measured(of));
        let values = if of == "sum" { TypeRef::named_nn("uint64") } else { TypeRef::named("float64") };
        let fields = measures.iter().map(|(name, _)| plucked(name, values.clone()));
        builder = builder.register(fields.fold(Object::new(&name), Object::field));
        groups = groups.field(plucked(of, TypeRef::named(name)));
    }
    let common = Object::new(dataset.type_of("Dimensions"));
    let common = dimensions(dataset).fold(common, |common, dimension| common.field(told(dimension)));
    builder.register(common).register(groups)
}

/// What a dataset knows.
fn dimensions(dataset: Dataset) -> impl Iterator<Item = &'static Dimension> {
    Dimension::all(dataset.direction).filter(move |dimension| dimension.is_group || !dataset.counts)
}

fn told(dimension: &'static Dimension) -> Field {
    let value = TypeRef::named_nn(scalar(dimension.value_type));
    plucked(dimension.name, value).description(dimension.description)
}

/// A field that its object has by name.
fn plucked(name: &'static str, value: TypeRef) -> Field {
    Field::new(name, value, move |context| {
        let found = match context.parent_value.as_value() {
            Some(Value::Object(fields)) => fields.get(name).filter(|value| **value != Value::Null),
            _ => None,
        };
        FieldFuture::Value(found.cloned().map(FieldValue::value))
    })
}

fn filter(dataset: Dataset) -> InputObject {
    let name = dataset.type_of("Filter_InputObject");
    let all = InputValue::new("AND", TypeRef::named_nn_list(&name)).description("All of these hold.");
    let any =
        InputValue::new("OR", TypeRef::named_nn_list(&name)).description("At least one of these holds.");
    let mut filter = InputObject::new(name).field(all).field(any);
    for dimension in dimensions(dataset).filter(|dimension| dimension.is_filter) {
        let (name, scalar) = (dimension.name, scalar(dimension.value_type));
        for (suffix, comparison) in COMPARISONS {
            if !compares(dimension.value_type, comparison) {
                continue;
            }
            let name = if suffix.is_empty() { name.to_owned() } else { format!("{name}_{suffix}") };
            let list = takes_list(comparison);
            let value = if list { TypeRef::named_nn_list(scalar) } else { TypeRef::named(scalar) };
            filter = filter.field(InputValue::new(name, value));
        }
    }
    filter
}

fn order(dataset: Dataset) -> Enum {
    let mut order = Enum::new(dataset.type_of("OrderBy"));
    let mut add = |name: &str| {
        let mut items = Enum::new("");
        std::mem::swap(&mut items, &mut order);
        order = items.item(EnumItem::new(format!("{name}_ASC"))).item(EnumItem::new(format!("{name}_DESC")));
    };
    dimensions(dataset).for_each(|dimension| add(dimension.name));
    if dataset.counts {
        add("count");
        for (of, measures) in MEASURES {
            measures.iter().for_each(|(name, _)| add(&format!("{of}_{name}")));
        }
    }
    order
}
