//! The table of the YAML rules that are part of the program. To add one: write the file, add its line here.

/// A rule file of this crate.
pub(crate) struct Embedded {
    /// `language/code.yml`; the folder tells which files it is compiled for.
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! embedded {
    ($($name:literal,)*) => {
        &[$(Embedded { name: $name, text: include_str!(concat!("../rules/", $name)) }),*]
    };
}

pub(crate) const EMBEDDED: &[Embedded] = embedded![
    "go/increment-decrement.yml",
    "go/S1002.yml",
    "go/S1005.yml",
    "go/S1023.yml",
    "go/S1025.yml",
    "go/S1028.yml",
    "go/S1039.yml",
    "javascript/no-extra-boolean-cast.yml",
    "javascript/no-unneeded-ternary.yml",
    "javascript/no-useless-rename.yml",
    "javascript/no-var.yml",
    "javascript/eqeqeq.yml",
    "javascript/object-shorthand.yml",
    "javascript/no-inferrable-types.yml",
    "javascript/prefer-as-const.yml",
    "python/UP003.yml",
    "python/UP004.yml",
    "python/UP012.yml",
    "python/UP015.yml",
    "python/UP018.yml",
    "python/UP039.yml",
    "rust/bool_comparison.yml",
    "rust/len_zero.yml",
    "rust/needless_return.yml",
    "rust/neg_multiply.yml",
    "rust/redundant_field_names.yml",
    "rust/redundant_static_lifetimes.yml",
];
