//! The accounts of a process's sessions: the frames that each sent and took, kept during the run and reported on
//! request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::words::{Account, Order, Stamp};

/// The accounts of all sessions of a process.
#[derive(Clone, Debug, Default)]
pub(super) struct Book(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    pages: Mutex<Vec<Page>>,
    is_hushed: AtomicBool,
}

/// The account of one session.
#[derive(Clone, Debug)]
pub(super) struct Page {
    entry: Arc<Mutex<Entry>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Entry {
    account: Account,
    is_marked: bool,
}

impl Book {
    /// Opens the account of a session.
    pub(super) fn open(&self, player: &str) -> Page {
        let account = Account {
            player: player.to_owned(),
            ..Account::default()
        };
        let entry = Entry {
            account,
            is_marked: false,
        };
        let page = Page {
            entry: Arc::new(Mutex::new(entry)),
            shared: Arc::clone(&self.0),
        };
        lock(&self.0.pages).push(page.clone());
        page
    }

    /// Carries out an order. For a report, the caller uses [`Book::accounts`].
    pub(super) fn obey(&self, order: Order) {
        match order {
            Order::Mark => {
                for page in lock(&self.0.pages).iter() {
                    let mut entry = lock(&page.entry);
                    entry.is_marked = true;
                    entry.account.back_at = None;
                }
            }
            Order::Hush => self.0.is_hushed.store(true, Ordering::Relaxed),
            Order::Report => {}
        }
    }

    pub(super) fn accounts(&self) -> Vec<Account> {
        let pages = lock(&self.0.pages);
        let accounts = pages.iter().map(|page| lock(&page.entry).account.clone());
        accounts.collect()
    }
}

impl Page {
    /// Returns the payload of the next data frame, with its number; `None` while the process must stay quiet.
    pub(super) fn next_payload(&self, len: usize) -> Option<Vec<u8>> {
        if self.shared.is_hushed.load(Ordering::Relaxed) {
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
        let page = Book::default().open("ann");
        for number in [0_u64, 2, 1, 3] {
            page.take(&number.to_be_bytes());
        }
        let account = lock(&page.entry).account.clone();
        assert_eq!((account.taken, account.out_of_turn), (4, 2));
    }

    #[test]
    fn the_first_frame_after_a_mark_is_when_it_is_back() {
        let book = Book::default();
        let page = book.open("ann");
        page.take(&0_u64.to_be_bytes());
        book.obey(Order::Mark);
        assert_eq!(book.accounts().first().unwrap().back_at, None);
        page.take(&1_u64.to_be_bytes());
        assert!(book.accounts().first().unwrap().back_at.is_some());
    }
}
