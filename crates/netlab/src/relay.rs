//! The relay of delayed packets: one thread reads them, and one thread for each direction writes each packet when it is
//! due.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::retry_on_intr;

use crate::direction::Direction;
use crate::host::Host;

/// The relay ends when it is dropped; packets on the way are still delivered.
#[derive(Debug)]
pub(crate) struct Relay {
    delays: Arc<Delays>,
    /// The reader has the other end, and sees when this one is closed.
    _stop: UnixStream,
}

impl Relay {
    /// Relays packets from the device back to it.
    pub(crate) fn start(device: File) -> io::Result<Self> {
        let (stop, stopped) = UnixStream::pair()?;
        let (device, delays) = (Arc::new(device), Arc::new(Delays::default()));
        let mut ways = HashMap::new();
        for receiver in Host::ALL {
            let (way, packets) = mpsc::channel();
            let device = Arc::clone(&device);
            on_a_thread(move || deliver(&device, packets))?;
            ways.insert(receiver, way);
        }
        let reader = Reader {
            device,
            stopped,
            delays: Arc::clone(&delays),
            ways,
        };
        on_a_thread(move || {
            if let Err(error) = reader.run() {
                eprintln!("netlab: every delayed packet is lost from here on: {error}");
            }
        })?;
        Ok(Self {
            delays,
            _stop: stop,
        })
    }

    pub(crate) fn set(&self, host: Host, direction: Direction, delay: Duration) {
        self.delays.set(host, direction, delay);
    }
}

/// Takes every packet as soon as it arrives, so that its delay counts from then.
struct Reader {
    device: Arc<File>,
    stopped: UnixStream,
    delays: Arc<Delays>,
    ways: HashMap<Host, Sender<Delayed>>,
}

impl Reader {
    fn run(&self) -> io::Result<()> {
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        // Either call may be interrupted when a program of the lab ends.
        while retry_on_intr(|| self.await_packet())? {
            let len = retry_on_intr(|| rustix::io::read(&self.device, &mut buffer))?;
            self.relay(buffer.get(..len).unwrap_or_default());
        }
        Ok(())
    }

    /// Sends an IPv4 packet on its way. The interface itself also sends IPv6 packets, which are ignored.
    fn relay(&self, packet: &[u8]) -> Option<()> {
        let (version, receiver) = (packet.first()? >> 4, packet.get(16..20)?);
        let receiver = Host::ALL
            .into_iter()
            .find(|host| version == 4 && host.addr().octets() == receiver)?;
        let delayed = Delayed {
            due: Instant::now().checked_add(self.delays.towards(receiver))?,
            packet: packet.to_vec(),
        };
        self.ways.get(&receiver)?.send(delayed).ok()
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

/// The delays of both cables; a delay that was never set is zero.
#[derive(Debug, Default)]
struct Delays {
    by_direction: Mutex<HashMap<(Host, Direction), Duration>>,
}

impl Delays {
    fn set(&self, host: Host, direction: Direction, delay: Duration) {
        self.by_direction
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert((host, direction), delay);
    }

    /// Returns the delay of a packet from the other host to this one.
    fn towards(&self, receiver: Host) -> Duration {
        let delays = self
            .by_direction
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let of = |host, direction| delays.get(&(host, direction)).copied().unwrap_or_default();
        of(receiver.other(), Direction::From).saturating_add(of(receiver, Direction::Towards))
    }
}

struct Delayed {
    due: Instant,
    packet: Vec<u8>,
}

/// Writes the packets of one direction in their order of arrival, each no earlier than it is due.
fn deliver(device: &File, packets: Receiver<Delayed>) {
    let mut device = device;
    for Delayed { due, packet } in packets {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // The kernel refuses this only while the interface is down, and then a real wire would lose the packet too.
        drop(device.write_all(&packet));
    }
}

fn on_a_thread(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name("delay".to_owned())
        .spawn(work)
        .map(drop)
}

const PACKET_BYTES_MAX: usize = 1 << 16;
