//! Runs scenes in parallel, since each mostly waits.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Processes the items on this many threads, and returns the results in the order of the items.
pub(crate) fn each<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let to_do = Mutex::new(items.iter().zip(&mut results));
    let next = || to_do.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some((item, result)) = next() {
                    *result = Some(work(item));
                }
            });
        }
    });
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_done_once_and_in_its_place() {
        let items: Vec<u32> = (0..100).collect();
        let doubled = each(7, &items, |item| item * 2);
        assert!(doubled.iter().copied().eq((0..100).map(|item| item * 2)));
    }
}
