//! What can be bound to a statement. One enum instead of generic binds: a statement does not compile two drivers.

use crate::Ts;
use sqlx::{Arguments, postgres::PgArguments, sqlite::SqliteArguments};
use uuid::Uuid;

/// A typed, possibly absent value. PostgreSQL needs the type even of a NULL.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// BOOLEAN; INTEGER 0 or 1 on SQLite.
    Bool(Option<bool>),
    /// BIGINT.
    Int(Option<i64>),
    /// DOUBLE PRECISION.
    Real(Option<f64>),
    /// TEXT.
    Text(Option<String>),
    /// BYTEA; BLOB on SQLite.
    Bytes(Option<Vec<u8>>),
    /// UUID; a 16 byte BLOB on SQLite.
    Uuid(Option<Uuid>),
    /// A list of ids, see [`ids`]. UUID[]; on SQLite a JSON text of hexadecimal digits, as `unhex(value)` reads them.
    Ids(Option<Vec<Uuid>>),
    /// JSONB; TEXT on SQLite.
    Json(Option<serde_json::Value>),
}

type Bound = std::result::Result<(), sqlx::error::BoxDynError>;

impl Value {
    pub(crate) fn bind_lite(self, a: &mut SqliteArguments) -> Bound {
        match self {
            Self::Bool(v) => a.add(v),
            Self::Int(v) => a.add(v),
            Self::Real(v) => a.add(v),
            Self::Text(v) => a.add(v),
            Self::Bytes(v) => a.add(v),
            Self::Uuid(v) => a.add(v),
            Self::Ids(v) => {
                a.add(v.map(|ids| sqlx::types::Json(ids.into_iter().map(Uuid::simple).collect::<Vec<_>>())))
            }
            Self::Json(v) => a.add(v.map(sqlx::types::Json)),
        }
    }

    pub(crate) fn bind_pg(self, a: &mut PgArguments) -> Bound {
        match self {
            Self::Bool(v) => a.add(v),
            Self::Int(v) => a.add(v),
            Self::Real(v) => a.add(v),
            Self::Text(v) => a.add(v),
            Self::Bytes(v) => a.add(v),
            Self::Uuid(v) => a.add(v),
            Self::Ids(v) => a.add(v),
            Self::Json(v) => a.add(v.map(sqlx::types::Json)),
        }
    }
}

/// Ids as one value: what PostgreSQL reads by `= ANY($n)` or `unnest($n)`, and SQLite by `json_each($n)`.
pub fn ids<'a, T: Copy + Into<Uuid> + 'a>(of: impl IntoIterator<Item = &'a T>) -> Vec<Uuid> {
    of.into_iter().map(|id| (*id).into()).collect()
}

/// What can be bound: a value of its own type, or none of it.
pub trait IntoValue {
    /// The absent value of this type.
    const NULL: Value;

    /// The value.
    fn into_value(self) -> Value;
}

impl<T: IntoValue> IntoValue for Option<T> {
    const NULL: Value = T::NULL;

    fn into_value(self) -> Value {
        self.map_or(T::NULL, T::into_value)
    }
}

macro_rules! bindable {
    ($($t:ty => $variant:ident, $make:expr;)*) => {$(
        impl IntoValue for $t {
            const NULL: Value = Value::$variant(None);

            fn into_value(self) -> Value {
                Value::$variant(Some($make(self)))
            }
        }
    )*};
}

bindable! {
    bool => Bool, |v| v;
    i64 => Int, |v| v;
    i32 => Int, i64::from;
    u32 => Int, i64::from;
    u16 => Int, i64::from;
    u8 => Int, i64::from;
    f64 => Real, |v| v;
    String => Text, |v| v;
    &String => Text, String::clone;
    &str => Text, str::to_owned;
    Vec<u8> => Bytes, |v| v;
    &[u8] => Bytes, <[u8]>::to_vec;
    Uuid => Uuid, |v| v;
    Vec<Uuid> => Ids, |v| v;
    serde_json::Value => Json, |v| v;
    Ts => Int, |t: Ts| t.0;
}
