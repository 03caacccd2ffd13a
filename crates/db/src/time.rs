//! Times, and the macros that make a newtype or a closed enum storable on both engines.

use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01 UTC, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ts(pub i64);

impl Ts {
    /// This instant, so many seconds later (or earlier); saturates.
    #[must_use]
    pub fn plus_secs(self, secs: i64) -> Self {
        Self(self.0.saturating_add(secs.saturating_mul(1_000_000)))
    }

    /// This instant, so many milliseconds later (or earlier); saturates.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis.saturating_mul(1_000)))
    }

    /// Microseconds from `earlier` to this instant; negative when it lies before.
    #[must_use]
    pub fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Makes `$name(inner)` decodable wherever `$inner` is.
#[doc(hidden)]
#[macro_export]
macro_rules! decode_as {
    ($name:ty, $inner:ty, $make:expr) => {
        impl<DB: $crate::Database> $crate::Type<DB> for $name
        where
            $inner: $crate::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <$inner as $crate::Type<DB>>::type_info()
            }
            fn compatible(ty: &DB::TypeInfo) -> bool {
                <$inner as $crate::Type<DB>>::compatible(ty)
            }
        }
        impl<'r, DB: $crate::Database> $crate::decode::Decode<'r, DB> for $name
        where
            $inner: $crate::decode::Decode<'r, DB>,
        {
            fn decode(
                value: <DB as $crate::Database>::ValueRef<'r>,
            ) -> ::std::result::Result<Self, $crate::error::BoxDynError> {
                let inner = <$inner as $crate::decode::Decode<'r, DB>>::decode(value)?;
                ($make)(inner)
            }
        }
    };
}

decode_as!(Ts, i64, |v| Ok(Ts(v)));

/// A newtype around a UUID, stored as one: `id_type!(AccountId);`
#[macro_export]
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub ::uuid::Uuid);

        $crate::decode_as!($name, ::uuid::Uuid, |v| Ok($name(v)));

        impl $crate::IntoValue for $name {
            const NULL: $crate::Value = $crate::Value::Uuid(None);

            fn into_value(self) -> $crate::Value {
                $crate::Value::Uuid(Some(self.0))
            }
        }
        impl ::core::convert::From<$name> for ::uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }
        impl ::std::str::FromStr for $name {
            type Err = ::uuid::Error;
            fn from_str(s: &str) -> ::std::result::Result<Self, Self::Err> {
                s.parse().map($name)
            }
        }
    };
}

/// A closed enum stored as its text: `text_enum!(pub enum Role { Owner = "owner", Member = "member" });`
/// A stored text that is no member is an error, never a default.
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every member, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text that is stored and sent.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
        impl ::std::str::FromStr for $name {
            type Err = String;
            fn from_str(s: &str) -> ::std::result::Result<Self, String> {
                match s { $($text => Ok(Self::$variant),)+ other => Err(format!("`{other}` is no {}", stringify!($name))) }
            }
        }
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        $crate::decode_as!($name, String, |v: String| v.parse::<$name>().map_err(Into::into));
        impl $crate::IntoValue for $name {
            const NULL: $crate::Value = $crate::Value::Text(None);

            fn into_value(self) -> $crate::Value {
                $crate::Value::Text(Some(self.as_str().to_owned()))
            }
        }
    };
}
