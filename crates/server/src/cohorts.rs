//! The cohorts that were declared, and a word about those that were not.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::MetricsConfig;
use crate::record::printable;

/// The declared names. Whoever is put under another one counts as `none`, which is told once for each name.
#[derive(Debug)]
pub(crate) struct Cohorts {
    declared: Vec<String>,
    told: Mutex<BTreeSet<String>>,
}

impl Cohorts {
    pub(crate) fn new(declared: Vec<String>) -> Self {
        Self {
            declared,
            told: Mutex::default(),
        }
    }

    /// How many there are, `none` included.
    pub(crate) fn count(&self) -> usize {
        self.declared.len() + 1
    }

    /// The number of the cohort with this name; 0 is `none`.
    pub(crate) fn index(&self, name: Option<&str>) -> u8 {
        let Some(name) = name.filter(|name| *name != MetricsConfig::NO_COHORT) else {
            return 0;
        };
        let index = self.declared.iter().position(|cohort| cohort == name);
        match index.and_then(|index| u8::try_from(index + 1).ok()) {
            Some(index) => index,
            None => {
                self.tell(name);
                0
            }
        }
    }

    /// The name with this number; `None` for `none`.
    pub(crate) fn name(&self, index: u8) -> Option<&String> {
        self.declared.get(usize::from(index).checked_sub(1)?)
    }

    fn tell(&self, name: &str) {
        if self.is_new(name) {
            tracing::warn!(
                cohort = printable(name).as_ref(),
                "a cohort that metrics.cohorts does not declare: who is in it counts as `none`"
            );
        }
    }

    /// Bounded, in names and in their length: an authenticator may take them from what clients say.
    fn is_new(&self, name: &str) -> bool {
        let name = name.chars().take(NAME_CHARS_MAX).collect();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < NAMES_TOLD_MAX && told.insert(name)
    }
}

const NAMES_TOLD_MAX: usize = 16;
const NAME_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cohort_that_was_not_declared_is_none_and_told_once() {
        let cohorts = Cohorts::new(vec!["pc".to_owned(), "console".to_owned()]);
        let names = [
            None,
            Some("none"),
            Some("pc"),
            Some("console"),
            Some("fridge"),
        ];
        assert_eq!(names.map(|name| cohorts.index(name)), [0, 0, 1, 2, 0]);
        assert!(!cohorts.is_new("fridge"), "told by its index");
        assert!(cohorts.is_new("toaster"));
    }

    #[test]
    fn only_so_many_names_are_told() {
        let cohorts = Cohorts::new(Vec::new());
        let told = (0..1_000).filter(|n| cohorts.is_new(&format!("{}{n}", "x".repeat(60))));
        assert_eq!(told.count(), NAMES_TOLD_MAX);
    }
}
