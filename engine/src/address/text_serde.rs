//! One way for every address type to travel through serde: as its text, validated on the way in.

/// Implements `FromStr`, `Serialize` and `Deserialize` through `parse` and `as_str`.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl std::str::FromStr for $type {
            type Err = $crate::address::AddressError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(super) use serde_as_text;
