//! Reads objects from objects only.
//!
//! The library takes a list for a struct too, its fields by their place, at any depth. Nobody means that, the OpenAPI document forbids
//! it, and what stands at a place changes with the order of fields. [`Named`] stands between a reader and what is read: whatever it
//! reads passes unchanged, but a list where a struct is asked for is an error.
//!
//! What is read through a buffer (`untagged`, `flatten`) is not seen from here; requests have none of it.

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::fmt;

/// What stands in the error: [`super::extract`] tells it with the place.
const NO_LIST: &str = "expected an object with names, not a list";

/// A deserializer, seed, visitor or access that refuses lists for structs, here and in all that it hands on.
pub struct Named<T>(pub T);

/// The visitor of a struct.
struct Object<V>(V);

macro_rules! forward {
    ($($name:ident($($arg:ident: $kind:ty),*))*) => {$(
        fn $name<V: Visitor<'de>>(self, $($arg: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$name($($arg,)* Named(visitor))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Named<D> {
    type Error = D::Error;

    forward! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128() deserialize_f32() deserialize_f64()
        deserialize_char() deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf() deserialize_option()
        deserialize_unit() deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
        deserialize_seq() deserialize_tuple(len: usize) deserialize_tuple_struct(name: &'static str, len: usize) deserialize_map()
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) deserialize_identifier() deserialize_ignored_any()
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Object(Named(visitor)))
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

macro_rules! visit {
    ($($name:ident: $kind:ty)*) => {$(
        fn $name<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.0.$name(value)
        }
    )*};
}

/// What every visitor here hands on as it is.
macro_rules! plain_values {
    () => {
        visit! {
            visit_bool: bool visit_i8: i8 visit_i16: i16 visit_i32: i32 visit_i64: i64 visit_i128: i128
            visit_u8: u8 visit_u16: u16 visit_u32: u32 visit_u64: u64 visit_u128: u128 visit_f32: f32 visit_f64: f64
            visit_char: char visit_str: &str visit_borrowed_str: &'de str visit_string: String
            visit_bytes: &[u8] visit_borrowed_bytes: &'de [u8] visit_byte_buf: Vec<u8>
        }

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(f)
        }

        fn visit_none<E: Error>(self) -> Result<V::Value, E> {
            self.0.visit_none()
        }

        fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
            self.0.visit_unit()
        }
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Named<V> {
    type Value = V::Value;

    plain_values!();

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Named(d))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Named(d))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Named(seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Named(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Named(data))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Object<V> {
    type Value = V::Value;

    plain_values!();

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(d)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(d)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
        Err(A::Error::custom(NO_LIST))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(map)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(data)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Named<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Named(d))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Named<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Named(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Named<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(Named(seed))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Named(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Named<A> {
    type Error = A::Error;
    type Variant = Named<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.0.variant_seed(Named(seed)).map(|(value, variant)| (value, Named(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Named<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Named(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(len, Named(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Object(Named(visitor)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Leaf {
        n: u8,
        #[serde(default)]
        text: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        Bare,
        One(Leaf),
        Fields { leaf: Leaf },
        Pair(u8, u8),
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Tree {
        leaf: Leaf,
        maybe: Option<Leaf>,
        #[serde(default)]
        list: Vec<Leaf>,
        #[serde(default)]
        map: BTreeMap<String, Leaf>,
        choice: Option<Choice>,
        #[serde(default)]
        pair: (u8, u8),
        any: Option<serde_json::Value>,
    }

    fn read<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, String> {
        let mut reader = serde_json::Deserializer::from_str(text);
        T::deserialize(Named(&mut reader)).map_err(|e| e.to_string())
    }

    #[test]
    fn a_list_is_no_struct_at_any_depth() {
        for wrong in [
            r#"[{"n":1},null]"#,
            r#"{"leaf":[1]}"#,
            r#"{"leaf":[1,"x"]}"#,
            r#"{"leaf":[]}"#,
            r#"{"leaf":{"n":1},"maybe":[1,null]}"#,
            r#"{"leaf":{"n":1},"list":[{"n":1},[2,null]]}"#,
            r#"{"leaf":{"n":1},"map":{"a":[2,null]}}"#,
            r#"{"leaf":{"n":1},"choice":{"one":[2,null]}}"#,
            r#"{"leaf":{"n":1},"choice":{"fields":[{"n":1}]}}"#,
            r#"{"leaf":{"n":1},"choice":{"fields":{"leaf":[1,null]}}}"#,
        ] {
            let why = read::<Tree>(wrong).expect_err(wrong);
            assert!(why.contains(NO_LIST), "{wrong}: {why}");
        }
        // The library alone takes it.
        assert!(serde_json::from_str::<Tree>(r#"{"leaf":[1,"x"]}"#).is_ok());
    }

    #[test]
    fn everything_else_is_read_as_without_it() {
        for text in [
            r#"{"leaf":{"n":1},"maybe":null}"#,
            r#"{"leaf":{"n":1,"text":"é\n"},"maybe":{"n":2},"list":[{"n":3},{"n":4}],"map":{"a":{"n":5}},"pair":[6,7]}"#,
            r#"{"leaf":{"n":1},"choice":"bare","any":[1,[2.5,-3,true,null,"x"],{"a":[]}]}"#,
            r#"{"leaf":{"n":1},"choice":{"one":{"n":2}}}"#,
            r#"{"leaf":{"n":1},"choice":{"fields":{"leaf":{"n":2}}}}"#,
            r#"{"leaf":{"n":1},"choice":{"pair":[1,2]}}"#,
            r#"{"leaf":{"n":256}}"#,
            r#"{"leaf":{"n":1,"x":1}}"#,
            r#"{"leaf":{"n":"1"}}"#,
            r#"{"leaf":{"n":1},"leaf":{"n":1}}"#,
            r#"{"maybe":{"n":1}}"#,
            r#""leaf""#,
            r#"{"leaf":"#,
        ] {
            assert_eq!(read::<Tree>(text), serde_json::from_str(text).map_err(|e| e.to_string()), "{text}");
        }
    }
}
