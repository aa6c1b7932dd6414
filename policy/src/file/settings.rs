//! Settings that may stand in the file, under `hosts.NAME` and in a route: the innermost word wins whole. The macro
//! `with_settings` gives every struct that holds them the same fields, and [`Settings`] with a field for each; another
//! inheritable setting is one line in its list, in `source.rs`. What they mean, `compile/` says.

/// Where a setting was written, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    File,
    Host,
    Route,
}

/// A setting as written, and where.
#[derive(Debug)]
pub(crate) struct Setting<'s, T> {
    pub(crate) value: &'s T,
    pub(crate) level: Level,
    /// An outer place says something else.
    pub(crate) replaces: bool,
}

impl<T> Clone for Setting<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Setting<'_, T> {}

/// The inner word, else the outer one.
pub(crate) fn innermost<'s, T>(
    inner: Option<Setting<'s, T>>,
    outer: Option<Setting<'s, T>>,
) -> Option<Setting<'s, T>> {
    match inner {
        Some(inner) => Some(Setting { replaces: inner.replaces || outer.is_some(), ..inner }),
        None => outer,
    }
}

/// Structs of the file with the same settings: the list first, then the structs, each with the fields of its own.
macro_rules! with_settings {
    ({ $($(#[doc = $doc:literal])* $field:ident: $type:ty,)* } $($(#[$meta:meta])* struct $name:ident $own:tt)*) => {
        /// What is set where one reads: each setting with its place. None of them is merged with an outer one.
        #[derive(Debug, Clone, Copy, Default)]
        pub(crate) struct Settings<'s> {
            $(pub(crate) $field: Option<Setting<'s, $type>>,)*
        }

        impl Settings<'_> {
            /// These, and where they say nothing, the outer ones.
            pub(crate) fn or(self, outer: Self) -> Self {
                Self { $($field: innermost(self.$field, outer.$field),)* }
            }

            /// The same, where a setting replaces an outer one as soon as one of these does.
            pub(crate) fn replacing_also(self, those: Self) -> Self {
                Self { $($field: self.$field.map(|it| {
                    let other = those.$field.is_some_and(|other| other.replaces);
                    Setting { replaces: it.replaces || other, ..it }
                }),)* }
            }

            /// Without what was inherited, but for these.
            pub(crate) fn own_and(self, inheritable: &[&str]) -> Self {
                let keep = |name, level| level == Level::Route || inheritable.contains(&name);
                Self { $($field: self.$field.filter(|it| keep(stringify!($field), it.level)),)* }
            }

            /// What is set, by name, and where.
            pub(crate) fn written(self) -> impl Iterator<Item = (&'static str, Level)> {
                let all = [$((stringify!($field), self.$field.map(|it| it.level)),)*];
                all.into_iter().filter_map(|(name, level)| Some((name, level?)))
            }
        }

        with_settings! { @structs { $($(#[doc = $doc])* $field: $type,)* } $($(#[$meta])* struct $name $own)* }
    };
    (@structs $settings:tt $($(#[$meta:meta])* struct $name:ident $own:tt)*) => {
        $(with_settings! { @struct $settings $(#[$meta])* $name $own })*
    };
    (@struct { $($(#[doc = $doc:literal])* $field:ident: $type:ty,)* } $(#[$meta:meta])* $name:ident { $($own:tt)* }) => {
        wire_struct! {
            #[derive(Debug, Clone, JsonSchema)]
            $(#[$meta])*
            pub(crate) struct $name {
                $($own)*
                $($(#[doc = $doc])* pub(crate) $field: Option<$type>,)*
            }
        }

        impl $name {
            /// The settings that stand here.
            pub(crate) fn settings(&self, level: Level) -> Settings<'_> {
                Settings {
                    $($field: self.$field.as_ref().map(|value| Setting { value, level, replaces: false }),)*
                }
            }
        }
    };
}
pub(crate) use with_settings;
