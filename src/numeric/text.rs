//! Types that are written as text: one place for their serde form.

/// Gives a type with `Display` and `FromStr` a serde form: the same text.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// A closed list of choices with kebab-case names: `Display`, `FromStr` (naming the choices on error) and serde.
macro_rules! choices_as_text {
    ($type:ident, $what:literal, { $($variant:ident = $text:literal),+ $(,)? }) => {
        impl $type {
            /// Every choice, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The choice as written in experiment files.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                to.write_str(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::numeric::FormatError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text.trim() {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::numeric::FormatError::Choice {
                        what: $what,
                        text: text.to_owned(),
                        allowed: [$($text),+].join(", "),
                    }),
                }
            }
        }

        $crate::numeric::text::serde_as_text!($type);
    };
}

pub(crate) use choices_as_text;
pub(crate) use serde_as_text;
