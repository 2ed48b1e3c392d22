//! The relay of delayed packets: one thread reads them, and one thread for each direction writes each packet when it is
//! due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;

use crate::delay::Delay;
use crate::direction::Direction;
use crate::gate::Gate;
use crate::host::Host;
use crate::share::Share;

/// The relay ends when it is dropped; packets on the way are still delivered.
#[derive(Debug)]
pub(crate) struct Relay {
    delays: Arc<Delays>,
    gate: Arc<Gate>,
    /// The reader has the other end, and sees when this one is closed.
    _stop: UnixStream,
}

impl Relay {
    /// Relays packets from the device back to it.
    pub(crate) fn start(device: File) -> io::Result<Self> {
        let (stop, stopped) = UnixStream::pair()?;
        let (device, delays) = (Arc::new(device), Arc::new(Delays::default()));
        let gate = Arc::new(Gate::default());
        let mut ways = HashMap::new();
        for receiver in Host::ALL {
            let (way, packets) = mpsc::channel();
            let (device, gate) = (Arc::clone(&device), Arc::clone(&gate));
            on_a_thread(move || deliver(&device, &gate, &packets))?;
            ways.insert(receiver, way);
        }
        let mut reader = Reader {
            device,
            stopped,
            delays: Arc::clone(&delays),
            gate: Arc::clone(&gate),
            ways,
            count: 0,
            last_due: HashMap::new(),
        };
        on_a_thread(move || {
            if let Err(error) = reader.run() {
                eprintln!("netlab: every delayed packet is lost from here on: {error}");
            }
        })?;
        Ok(Self {
            delays,
            gate,
            _stop: stop,
        })
    }

    pub(crate) fn set(&self, host: Host, direction: Direction, delay: Delay) {
        self.delays.set(host, direction, delay);
    }

    /// Stops all packets where they are.
    pub(crate) fn pause(&self) {
        self.gate.shut();
    }

    pub(crate) fn resume(&self) {
        self.gate.open();
    }
}

/// Its threads end only when they may go on.
impl Drop for Relay {
    fn drop(&mut self) {
        self.resume();
    }
}

/// Takes every packet as soon as it arrives, so that its delay counts from then.
struct Reader {
    device: Arc<File>,
    stopped: UnixStream,
    delays: Arc<Delays>,
    gate: Arc<Gate>,
    ways: HashMap<Host, Sender<Delayed>>,
    /// The number of packets so far.
    count: u64,
    /// When the latest packet to each host is due.
    last_due: HashMap<Host, Instant>,
}

impl Reader {
    fn run(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        // Either call may be interrupted when a program of the lab ends.
        while retry_on_intr(|| self.await_packet())? {
            self.gate.pass();
            let len = retry_on_intr(|| rustix::io::read(&self.device, &mut buffer))?;
            self.relay(buffer.get(..len).unwrap_or_default());
        }
        Ok(())
    }

    /// Forwards a packet between the hosts, twice if it is doubled. Other packets, which the interface itself sends,
    /// are ignored.
    fn relay(&mut self, packet: &[u8]) -> Option<()> {
        let receiver = receiver(packet)?;
        let delays = self.delays.towards(receiver);
        let copies = delays.iter().filter(|delay| is_chosen(delay.doubled));
        for _ in 0..=copies.count() {
            let delayed = Delayed {
                due: self.due(receiver, &delays)?,
                number: self.count,
                packet: packet.to_vec(),
            };
            self.count += 1;
            self.ways.get(&receiver)?.send(delayed).ok()?;
        }
        Some(())
    }

    /// Returns when a packet is due: not before the earlier ones of its direction, unless it may overtake them.
    fn due(&mut self, receiver: Host, delays: &[Delay]) -> Option<Instant> {
        let taken = delays.iter().map(draw).sum();
        let due = Instant::now().checked_add(taken)?;
        if delays.iter().any(|delay| delay.may_overtake) {
            return Some(due);
        }
        let last = self.last_due.entry(receiver).or_insert(due);
        *last = due.max(*last);
        Some(*last)
    }

    /// Waits for a packet; returns `false` when the relay should end.
    fn await_packet(&self) -> rustix::io::Result<bool> {
        let mut waits = [
            PollFd::new(&*self.device, PollFlags::IN),
            PollFd::new(&self.stopped, PollFlags::IN),
        ];
        poll(&mut waits, None)?;
        let [_, stopped] = waits;
        Ok(stopped.revents().is_empty())
    }
}

/// The delays of both cables; the default is no delay.
#[derive(Debug, Default)]
struct Delays {
    by_direction: Mutex<HashMap<(Host, Direction), Delay>>,
}

impl Delays {
    fn set(&self, host: Host, direction: Direction, delay: Delay) {
        self.by_direction
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((host, direction), delay);
    }

    /// Returns the two delays of a packet from the other host to this one.
    fn towards(&self, receiver: Host) -> [Delay; 2] {
        let delays = self
            .by_direction
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let way = [
            (receiver.other(), Direction::From),
            (receiver, Direction::Towards),
        ];
        way.map(|direction| delays.get(&direction).copied().unwrap_or_default())
    }
}

/// A packet on its way. They are ordered by when they are due, and then by their arrival.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Delayed {
    due: Instant,
    number: u64,
    packet: Vec<u8>,
}

/// Writes the packets of one direction, each no earlier than it is due.
fn deliver(device: &File, gate: &Gate, packets: &Receiver<Delayed>) {
    let mut waiting = BinaryHeap::new();
    let mut is_open = true;
    while is_open || !waiting.is_empty() {
        let due = waiting.peek().map(|Reverse(Delayed { due, .. })| *due);
        match next(packets, due) {
            Ok(packet) => {
                waiting.push(Reverse(packet));
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                is_open = false;
                thread::sleep(due.map_or(Duration::ZERO, left));
            }
        }
        gate.pass();
        write_first(device, &mut waiting);
    }
}

/// Waits for the next packet, until an earlier one is due.
fn next(packets: &Receiver<Delayed>, due: Option<Instant>) -> Result<Delayed, RecvTimeoutError> {
    match due.map(left) {
        None => Ok(packets.recv()?),
        // Packets that arrive all the time must not hold up one that is due.
        Some(Duration::ZERO) => Err(RecvTimeoutError::Timeout),
        Some(left) => packets.recv_timeout(left),
    }
}

fn write_first(mut device: &File, waiting: &mut BinaryHeap<Reverse<Delayed>>) {
    if let Some(Reverse(Delayed { packet, .. })) = waiting.pop() {
        // The kernel refuses this only while the interface is down, and then a real wire would lose the packet too.
        drop(device.write_all(&packet));
    }
}

fn left(due: Instant) -> Duration {
    due.saturating_duration_since(Instant::now())
}

/// Returns the host to which a packet is addressed (RFC 791, 3.1; RFC 8200, 3).
fn receiver(packet: &[u8]) -> Option<Host> {
    let addr = match packet.first()? >> 4 {
        4 => IpAddr::from(<[u8; 4]>::try_from(packet.get(16..20)?).ok()?),
        6 => IpAddr::from(<[u8; 16]>::try_from(packet.get(24..40)?).ok()?),
        _ => return None,
    };
    let is_of = |host: &Host| addr == host.addr() || addr == host.addr_v6();
    Host::ALL.into_iter().find(is_of)
}

/// Draws the time that a packet takes.
fn draw(delay: &Delay) -> Duration {
    let span = delay.most.saturating_sub(delay.least).as_nanos();
    let span = u64::try_from(span).unwrap_or(u64::MAX);
    delay.least + Duration::from_nanos(below(span.saturating_add(1)))
}

/// Draws whether a packet belongs to a share.
fn is_chosen(share: Share) -> bool {
    below(u64::from(Share::WHOLE.thousandths())) < u64::from(share.thousandths())
}

/// Returns a random number below `bound`. Each `RandomState` has keys of its own, which change its hash.
fn below(bound: u64) -> u64 {
    let random = RandomState::new().build_hasher().finish();
    let scaled = (u128::from(random) * u128::from(bound)) >> 64;
    u64::try_from(scaled).unwrap_or_default()
}

fn on_a_thread(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name("delay".to_owned())
        .spawn(work)
        .map(drop)
}

const PACKET_BYTES_MAX: usize = 1 << 16;
