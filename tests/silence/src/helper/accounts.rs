//! The accounts of a process's sessions: the frames that each sent and took, kept during the run and reported on
//! request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::messages::{Account, Order, Stamp};

/// The accounts of all sessions of a process.
#[derive(Clone, Debug, Default)]
pub(super) struct Accounts(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// By the name of the player.
    sessions: Mutex<BTreeMap<String, Arc<Mutex<Entry>>>>,
    sends_nothing: AtomicBool,
}

/// The account of one session.
#[derive(Clone, Debug)]
pub(super) struct SessionAccount {
    entry: Arc<Mutex<Entry>>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Entry {
    account: Account,
    is_marked: bool,
}

impl Accounts {
    /// Opens the account of a session.
    pub(super) fn open(&self, player: &str) -> SessionAccount {
        let entry = Arc::<Mutex<Entry>>::default();
        lock(&self.0.sessions).insert(player.to_owned(), Arc::clone(&entry));
        SessionAccount {
            entry,
            shared: Arc::clone(&self.0),
        }
    }

    /// Carries out an order. For a report, the caller uses [`Accounts::copy`].
    pub(super) fn obey(&self, order: Order) {
        match order {
            Order::Mark => {
                for entry in lock(&self.0.sessions).values() {
                    let mut entry = lock(entry);
                    entry.is_marked = true;
                    entry.account.back_at = None;
                }
            }
            Order::SendNothing => self.0.sends_nothing.store(true, Ordering::Relaxed),
            Order::Report => {}
        }
    }

    /// Returns all accounts, by the name of the player.
    pub(super) fn copy(&self) -> BTreeMap<String, Account> {
        let sessions = lock(&self.0.sessions);
        let accounts = sessions.iter();
        accounts
            .map(|(player, entry)| (player.clone(), lock(entry).account))
            .collect()
    }
}

impl SessionAccount {
    /// Returns the payload of the next data frame, with its number; `None` while the process must send nothing.
    pub(super) fn next_payload(&self, len: usize) -> Option<Vec<u8>> {
        if self.shared.sends_nothing.load(Ordering::Relaxed) {
            return None;
        }
        let mut payload = lock(&self.entry).account.sent.to_be_bytes().to_vec();
        payload.resize(len.max(payload.len()), 0);
        Some(payload)
    }

    pub(super) fn sent(&self) {
        lock(&self.entry).account.sent += 1;
    }

    /// Takes a data frame, and notes whether it is the next one.
    pub(super) fn take(&self, payload: &[u8]) {
        let mut entry = lock(&self.entry);
        let due = entry.account.taken.to_be_bytes();
        if !payload.starts_with(&due) {
            entry.account.out_of_turn += 1;
        }
        entry.account.taken += 1;
        if entry.is_marked {
            entry.is_marked = false;
            entry.account.back_at = Some(Stamp::now());
        }
    }

    /// Returns the number of data frames taken so far.
    pub(super) fn taken(&self) -> u64 {
        lock(&self.entry).account.taken
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_is_lost_or_late_is_out_of_turn() {
        let accounts = Accounts::default();
        let ann = accounts.open("ann");
        for number in [0_u64, 2, 1, 3] {
            ann.take(&number.to_be_bytes());
        }
        let account = accounts.copy()["ann"];
        assert_eq!((account.taken, account.out_of_turn), (4, 2));
    }

    #[test]
    fn the_first_frame_after_a_mark_is_when_it_is_back() {
        let accounts = Accounts::default();
        let ann = accounts.open("ann");
        ann.take(&0_u64.to_be_bytes());
        accounts.obey(Order::Mark);
        assert_eq!(accounts.copy()["ann"].back_at, None);
        ann.take(&1_u64.to_be_bytes());
        assert!(accounts.copy()["ann"].back_at.is_some());
    }
}
