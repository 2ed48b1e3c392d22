//! The order, numbers, ages and drops of frames, checked frame by frame.

use super::*;

#[test]
fn control_overtakes_data_but_not_a_frame_that_has_begun() {
    let mut queue = SendQueue::default();
    queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"aaaa"));
    queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"bbbb"));
    assert_eq!(queue.advance(1).numbered, 1);
    queue.push_control(|out| out.extend_from_slice(b"cc"));
    assert_eq!(flat(&mut queue), b"aaaccbbbb");
    assert_eq!(queue.advance(4).numbered, 0);
    assert_eq!(flat(&mut queue), b"cbbbb");
    assert_eq!(queue.advance(5).numbered, 1);
    assert!(queue.is_empty());
}

#[test]
fn a_frame_in_writing_survives_a_drop_and_the_rest_is_counted() {
    let mut queue = SendQueue::default();
    for _ in 0..3 {
        queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"aaaa"));
    }
    queue.advance(5);
    let dropped = queue.drop_unstarted();
    assert_eq!(
        dropped,
        Dropped {
            frames: 1,
            bytes: 4,
            ..Dropped::default()
        }
    );
    queue.push_last(Time::ORIGIN, |out| out.extend_from_slice(b"bye"));
    assert_eq!(flat(&mut queue), b"aaabye");
}

#[test]
fn half_a_frame_is_taken_back() {
    let mut queue = SendQueue::default();
    queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"aaaa"));
    let half = |out: &mut Vec<u8>| {
        out.extend_from_slice(b"bb");
        panic!("the test's planted panic");
    };
    let push = std::panic::AssertUnwindSafe(|| queue.push_data(Time::ORIGIN, half));
    assert!(std::panic::catch_unwind(push).is_err());
    let push = std::panic::AssertUnwindSafe(|| queue.push_control(half));
    assert!(std::panic::catch_unwind(push).is_err());
    queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"cccc"));
    assert_eq!((queue.data_frames(), queue.len()), (2, 8));
    assert_eq!(flat(&mut queue), b"aaaacccc");
}

#[test]
fn a_moved_queue_keeps_order_and_leaves_nothing_behind() {
    let mut first = SendQueue::default();
    let mut second = SendQueue::default();
    first.push_data(Time::ORIGIN, |out| out.push(1));
    second.push_data(Time::from_micros(7), |out| out.push(2));
    second.push_control(|out| out.push(9));
    first.append(&mut second);
    assert_eq!(flat(&mut first), [9, 1, 2]);
    assert!(second.is_empty());
    assert_eq!((first.data_frames(), first.len()), (2, 3));
}

#[test]
fn a_frame_that_has_begun_is_not_counted_as_one_that_never_was() {
    let mut queue = SendQueue::default();
    queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"aaaa"));
    queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(b"bbbb"));
    assert_eq!(queue.data_frames(), 2);
    queue.advance(1);
    assert_eq!(queue.data_frames(), 1);
}

#[test]
fn control_frames_leave_no_memory_behind_in_a_queue_that_never_empties() {
    let mut queue = SendQueue::default();
    for _ in 0..1000 {
        queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(&[1; 40]));
        queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(&[1; 40]));
        queue.push_control(|out| out.extend_from_slice(&[9; 40]));
        queue.advance(100);
    }
    assert!(!queue.is_empty());
    assert!(
        queue.control.capacity() < 200,
        "{}",
        queue.control.capacity()
    );
}

/// A peer that reads slowly never lets the last bytes go.
#[test]
fn a_queue_that_never_empties_frees_what_a_burst_or_many_frames_took() {
    type Push = fn(&mut SendQueue, usize);
    let data: Push = |queue, n| queue.push_data(Time::ORIGIN, |out| out.resize(out.len() + n, 7));
    let control: Push = |queue, n| queue.push_control(|out| out.resize(out.len() + n, 7));
    for push in [data, control] {
        let mut queue = SendQueue::default();
        push(&mut queue, 500_000);
        push(&mut queue, 32);
        queue.advance(500_000);
        let after_a_burst = queue.capacity();
        assert!(after_a_burst < 1_000, "{after_a_burst}");
        for _ in 0..100_000 {
            push(&mut queue, 32);
            queue.advance(32);
            assert_eq!(queue.len(), 32);
        }
        assert!(queue.capacity() < 3 * COMPACT_BYTES, "{}", queue.capacity());
    }
}

#[test]
fn every_way_of_writing_gives_the_same_bytes_and_numbers() {
    for step in 1..12 {
        let mut queue = SendQueue::default();
        for n in 0..5_u8 {
            queue.push_data(Time::ORIGIN, |out| out.extend_from_slice(&[n; 5]));
        }
        queue.push_control(|out| out.extend_from_slice(&[99; 3]));
        let mut wire = Vec::new();
        let mut numbered = 0;
        while !queue.is_empty() {
            let all = flat(&mut queue);
            let n = step.min(all.len());
            wire.extend_from_slice(&all[..n]);
            numbered += queue.advance(n).numbered;
        }
        assert_eq!((wire.len(), numbered), (28, 5));
        assert_eq!(wire[..3], [99; 3]);
    }
}

fn flat(queue: &mut SendQueue) -> Vec<u8> {
    queue
        .slices()
        .iter()
        .flat_map(|slice| slice.to_vec())
        .collect()
}

/// Frames that are alike and frames that differ: length, whether it is data, when it was queued.
const MIXED: [(usize, bool, u64); 12] = [
    (4, true, 1),
    (4, true, 1),
    (4, true, 1),
    (4, true, 2),
    (5, true, 2),
    (5, true, 2),
    (5, false, 2),
    (5, false, 2),
    (5, true, 2),
    (1, true, 3),
    (1, true, 3),
    (9, false, 4),
];

fn mixed() -> SendQueue {
    let mut queue = SendQueue::default();
    for (len, data, at) in MIXED {
        let encode = |out: &mut Vec<u8>| out.resize(out.len() + len, 7);
        match data {
            true => queue.push_data(Time::from_micros(at), encode),
            false => queue.push_last(Time::from_micros(at), encode),
        }
    }
    queue
}

/// The place of each frame of [`MIXED`], whether it is data, and when it was queued.
fn places() -> impl Iterator<Item = (std::ops::Range<usize>, bool, u64)> {
    let mut end = 0;
    MIXED.into_iter().map(move |(len, data, at)| {
        let begin = end;
        end += len;
        (begin..end, data, at)
    })
}

#[test]
fn frames_alike_and_unlike_are_numbered_aged_and_dropped_one_by_one() {
    let total = mixed().len();
    for n in 0..=total {
        let begun = |place: &std::ops::Range<usize>| place.start < n;
        let numbered = places()
            .filter(|(place, data, _)| *data && begun(place))
            .count();
        let waits = places().find(|(place, ..)| place.end > n);
        let unbegun: Vec<_> = places().filter(|(place, ..)| !begun(place)).collect();
        for step in [1, 2, 7, total] {
            let mut queue = mixed();
            let (mut written, mut count) = (0, 0);
            while written < n {
                let step = step.min(n - written);
                count += queue.advance(step).numbered;
                written += step;
            }
            assert_eq!(count, as_u64(numbered), "{n} by {step}");
            let oldest = waits.as_ref().map(|(.., at)| Time::from_micros(*at));
            assert_eq!(queue.oldest(), oldest, "{n} by {step}");
            let dropped = queue.drop_unstarted();
            let expected = Dropped {
                frames: as_u64(unbegun.iter().filter(|(_, data, _)| *data).count()),
                bytes: as_u64(unbegun.iter().map(|(place, ..)| place.len()).sum()),
                ..Dropped::default()
            };
            assert_eq!(dropped, expected, "{n} by {step}");
            let rest = waits.as_ref().filter(|(place, ..)| begun(place));
            let rest = rest.map_or(0, |(place, ..)| place.end - n);
            assert_eq!(queue.len(), rest, "{n} by {step}");
            assert_eq!(queue.advance(rest).numbered, 0, "{n} by {step}");
            assert!(queue.is_empty());
        }
    }
}

#[test]
fn frames_that_are_alike_take_one_mark_for_all() {
    let mut queue = SendQueue::default();
    for _ in 0..70_000 {
        queue.push_data(Time::ORIGIN, |out| out.push(7));
    }
    assert_eq!(queue.marks.len(), 2, "65,535 to a mark");
    assert_eq!(queue.advance(69_999).numbered, 69_999);
    assert_eq!(queue.drop_unstarted().frames, 1);
}

fn as_u64(n: usize) -> u64 {
    u64::try_from(n).expect("it is small")
}
