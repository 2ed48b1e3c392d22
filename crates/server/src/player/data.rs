//! The game's own data about a player: one shared value of the game's type, kept as long as the session.

use std::any::Any;
use std::fmt;
use std::ptr::addr_eq;
use std::sync::Arc;

/// One value of a type of the game, or none.
#[derive(Clone, Default)]
pub(crate) struct Data(Option<Arc<dyn Any + Send + Sync>>);

impl Data {
    pub(crate) fn new<T: Any + Send + Sync>(data: Arc<T>) -> Self {
        Self(Some(data))
    }

    /// The value, if there is one of this type.
    pub(crate) fn of_type<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(self.0.as_ref()?).downcast().ok()
    }

    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }
}

/// Compares the pointers, because the value's type may have no comparison.
impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(own), Some(other)) => addr_eq(Arc::as_ptr(own), Arc::as_ptr(other)),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl Eq for Data {}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_some() { "Data(..)" } else { "None" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_comes_out_as_the_type_that_went_in_and_as_no_other() {
        let score = Arc::new(7_u32);
        let data = Data::new(Arc::clone(&score));
        assert!(Arc::ptr_eq(&data.of_type::<u32>().unwrap(), &score));
        assert!(data.of_type::<u64>().is_none());
        assert!(Data::default().of_type::<u32>().is_none());
        assert_eq!(data, Data::new(score));
        assert_ne!(data, Data::new(Arc::new(7_u32)));
        assert_ne!(data, Data::default());
    }
}
