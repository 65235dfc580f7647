//! Kinds of text that many objects have.

use crate::delivery::model::Moment;
use mailwright_engine::{authentication::MethodResult, webhook::EventKind};
use mailwright_storage::{
    activity::{Direction, Status},
    control::Permission,
    suppressions::Reason,
};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat,
        schema::{AnyOfBuilder, ArrayBuilder, SchemaType, Type},
    },
};

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn words(words: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    text().enum_values(Some(words))
}

fn formatted(format: KnownFormat) -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(format)))
}

/// Declares kinds of text, each with its schema.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $schema:expr;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.description(Some(concat!($($doc),+).trim())).into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

kinds! {
    /// What programs call an account, a zone, a token, a sending domain or a webhook.
    Id = text().pattern(Some("^[0-9a-f]{32}$"));
    /// What programs call a suppression.
    Uuid = text().format(Some(SchemaFormat::Custom("uuid".to_owned())));
    /// What a token may do.
    PermissionName = words(Permission::ALL.map(Permission::as_str));
    /// How a recipient of a message stands.
    SendingStatus = words(Direction::Sending.statuses().iter().copied().map(Status::as_str));
    /// How mail from the world stands, for an address of ours.
    RoutingStatus = words(Direction::Routing.statuses().iter().copied().map(Status::as_str));
    /// How mail that is sent or comes from the world stands.
    MessageStatus = words(Status::ALL.map(Status::as_str));
    /// What a method of authentication found (RFC 8601 section 2.7).
    CheckResult = words(MethodResult::ALL.map(MethodResult::as_str));
    /// Why an address is suppressed.
    SuppressionReason = words(Reason::ALL.map(Reason::as_str));
    /// What a webhook is told of.
    EventName = words(EventKind::ALL.iter().copied().map(EventKind::as_str));
}

/// An address as requests have it: as text, or as an object.
#[derive(Debug, Clone, Copy)]
pub struct Address;

impl PartialSchema for Address {
    fn schema() -> RefOr<Schema> {
        let object = |address: &str| {
            let name = text().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
            ObjectBuilder::new()
                .property(address, text().min_length(Some(3)))
                .property("name", name)
                .required(address)
        };
        let form = "`ann@example.com`, `Ann <ann@example.com>`, or an object.";
        AnyOfBuilder::new()
            .item(text().min_length(Some(3)))
            .item(object("address"))
            .item(object("email"))
            .description(Some(form))
            .into()
    }
}

impl ToSchema for Address {}

/// One address or a list of them.
#[derive(Debug, Clone, Copy)]
pub struct Addresses;

impl PartialSchema for Addresses {
    fn schema() -> RefOr<Schema> {
        let address = || Ref::from_schema_name(Address::name());
        AnyOfBuilder::new()
            .item(address())
            .item(ArrayBuilder::new().items(address()).max_items(Some(50)))
            .description(Some("One address or a list of them."))
            .into()
    }
}

impl ToSchema for Addresses {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Address::name().into_owned(), Address::schema()));
    }
}

impl PartialSchema for Moment {
    fn schema() -> RefOr<Schema> {
        let description = "A time (RFC 3339), in UTC with milliseconds.";
        formatted(KnownFormat::DateTime).description(Some(description)).into()
    }
}

impl ToSchema for Moment {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Time")
    }
}
