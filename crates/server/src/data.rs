//! The game's own data on a player: one shared value of the game's type, kept as long as the session.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::ptr::addr_eq;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::SessionId;
use crate::group::shrink;

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

/// The very same value, since its type need not compare.
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

/// The data of the sessions that are here, for a game that knows a session by its id. Sessions without data have no
/// entry.
#[derive(Debug, Default)]
pub(crate) struct DataById(Mutex<HashMap<SessionId, Data>>);

impl DataById {
    pub(crate) fn join(&self, session: SessionId, data: &Data) {
        if data.is_some() {
            self.lock().insert(session, data.clone());
        }
    }

    pub(crate) fn of(&self, session: SessionId) -> Data {
        self.lock().get(&session).cloned().unwrap_or_default()
    }

    /// Forgets a session. Its seat still has the data: none is dropped here.
    pub(crate) fn depart(&self, session: SessionId, data: &Data) {
        if data.is_some() {
            let mut all = self.lock();
            all.remove(&session);
            shrink(&mut all);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Data>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn only_sessions_with_data_have_an_entry_and_only_as_long_as_they_are_here() {
        let by_id = DataById::default();
        let sessions = [1, 2].map(|id| SessionId::from_bytes([id; 16]));
        let data = Data::new(Arc::new("ann"));
        by_id.join(sessions[0], &data);
        by_id.join(sessions[1], &Data::default());
        assert_eq!(by_id.lock().len(), 1);
        assert_eq!(sessions.map(|id| by_id.of(id).is_some()), [true, false]);
        by_id.depart(sessions[0], &data);
        assert!(by_id.lock().is_empty());
    }
}
