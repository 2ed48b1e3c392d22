//! The macro that makes types, documentation and data of the table.

/// Makes a type and a `Section` of each entry. The parts of a key, in this order:
///
/// - its explanation, for the documentation and the generated files;
/// - its name and its type, and `as` the function that reads it, where serde cannot;
/// - its default, and `=>` the default as a file has it, where that differs;
/// - its unit, its allowed values, its causes, and the hint in an error;
/// - `hasty`: below this many milliseconds the value was probably meant in seconds;
/// - `at reload`: a reload of the configuration changes the value of a running server.
///
/// A field after `+` is not a key. Numbers are shown as they are written, so they have no underscores.
macro_rules! sections {
    ($(
        $(#[doc = $about:literal])+
        struct $config:ident at $section:tt {
            $(
                $(#[doc = $words:literal])+
                $field:ident: $type:ty $(as $with:literal)? = $default:expr $(=> $shown:literal)?,
                $unit:literal, $allowed:tt, [$($cause:ident),*], $remedy:literal $(, hasty $hasty:literal)? $(, at $reload:ident)?;
            )+
            $(+
                $(#[doc = $more_words:literal])+
                $more:ident: $more_type:ty;
            )?
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub struct $config {
                $(
                    $(#[doc = $words])+
                    #[doc = ""]
                    #[doc = concat!(
                        " Unit: ", $unit, ". Default: `", shown!($default $(=> $shown)?), "`. Allowed: `",
                        allowed_words!($allowed), "`. Causes: ", cause_links!([$($cause),*]), ".",
                    )]
                    $(#[serde(deserialize_with = $with)])?
                    pub $field: $type,
                )+
                $(
                    $(#[doc = $more_words])+
                    pub $more: $more_type,
                )?
            }

            impl Default for $config {
                fn default() -> Self {
                    Self { $($field: $default,)+ $($more: Default::default(),)? }
                }
            }
        )+

        impl Section {
            /// Every section, in the order of the reference file.
            pub const ALL: &'static [Self] = &[$(
                Self {
                    path: path!($section),
                    is_list: is_list!($section),
                    words: concat!($($about),+).trim_ascii(),
                    keys: &[$(
                        Key {
                            path: concat!(path!($section), ".", stringify!($field)),
                            words: concat!($($words),+).trim_ascii(),
                            unit: $unit,
                            default: shown!($default $(=> $shown)?),
                            allowed: allowed!($allowed),
                            causes: &[$(Cause::$cause),*],
                            remedy: $remedy,
                            read: number_of!($section $field $allowed),
                            hasty_below: or_zero!($($hasty)?),
                            differs: differs!($section $field),
                            take_over: take_over!($section $field $($reload)?),
                        },
                    )+],
                },
            )+];
        }
    };
}

/// The path of a section. A path in brackets is that of a list of tables.
macro_rules! path {
    ([$section:ident]) => {
        stringify!($section)
    };
    ($section:ident) => {
        stringify!($section)
    };
    ($path:literal) => {
        $path
    };
}

/// Whether a section may occur several times.
macro_rules! is_list {
    ([$section:ident]) => {
        true
    };
    ($section:tt) => {
        false
    };
}

/// A default, as a file has it.
macro_rules! shown {
    ($default:expr) => {
        stringify!($default)
    };
    ($default:expr => $shown:literal) => {
        $shown
    };
}

/// The allowed values, as data.
macro_rules! allowed {
    ((0 $zero:literal, $min:literal ..= $max:literal)) => {
        Allowed::Number { min: $min, max: $max, zero: Some($zero) }
    };
    (($min:literal ..= $max:literal)) => {
        Allowed::Number { min: $min, max: $max, zero: None }
    };
    ([$($word:literal),+]) => {
        Allowed::OneOf(&[$($word),+])
    };
    ($words:literal) => {
        Allowed::Words($words)
    };
}

/// The allowed values, as `Allowed` shows them.
macro_rules! allowed_words {
    ((0 $zero:literal, $($range:tt)+)) => {
        concat!("0 (", $zero, "), or ", allowed_words!(($($range)+)))
    };
    (($min:literal ..= $max:literal)) => {
        concat!($min, " to ", $max)
    };
    ([$first:literal $(, $word:literal)*]) => {
        concat!($first $(, " or ", $word)*)
    };
    ($words:literal) => {
        $words
    };
}

/// The causes, as links.
macro_rules! cause_links {
    ([]) => {
        "none"
    };
    ([$first:ident $(, $cause:ident)*]) => {
        concat!(cause_links!($first) $(, ", ", cause_links!($cause))*)
    };
    ($cause:ident) => {
        concat!("[`", stringify!($cause), "`](Cause::", stringify!($cause), ")")
    };
}

/// Reads the value of a number that occurs once in a file.
macro_rules! number_of {
    ($section:ident $field:ident ($($range:tt)+)) => {
        Some(|config: &Config| config.$section.$field)
    };
    ($section:tt $field:ident $allowed:tt) => {
        None
    };
}

/// Whether two configurations have another value.
macro_rules! differs {
    ([$section:ident] $field:ident) => {
        |one: &Config, other: &Config| {
            let values = |config: &Config| -> Vec<_> {
                config
                    .$section
                    .iter()
                    .map(|each| each.$field.clone())
                    .collect()
            };
            values(one) != values(other)
        }
    };
    ($section:ident $field:ident) => {
        |one: &Config, other: &Config| one.$section.$field != other.$section.$field
    };
    ($profiles:literal $field:ident) => {
        |one: &Config, other: &Config| {
            let values = |config: &Config| -> Vec<_> {
                let profiles = config.liveness.profiles.iter();
                profiles
                    .map(|(name, each)| (name.clone(), each.$field))
                    .collect()
            };
            values(one) != values(other)
        }
    };
}

/// Takes the value over from another configuration, if a reload may.
macro_rules! take_over {
    ($section:ident $field:ident reload) => {
        Some(|to: &mut Config, from: &Config| {
            to.$section.$field.clone_from(&from.$section.$field);
        })
    };
    ([$section:ident] $field:ident reload) => {
        Some(|to: &mut Config, from: &Config| {
            for (place, each) in to.$section.iter_mut().enumerate() {
                if let Some(new) = from.listener_at(place, each.addr) {
                    each.$field.clone_from(&new.$field);
                }
            }
        })
    };
    ($section:tt $field:ident) => {
        None
    };
}

/// A number, or 0 if there is none.
macro_rules! or_zero {
    () => {
        0
    };
    ($number:literal) => {
        $number
    };
}
