//! The two ends, the network between them, and each step that can happen.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::*;
use super::step::Step;
use crate::Stream;
use crate::wire::{HEADER_LEN, Header};

/// The events that may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) server_frames: u8,
    pub(super) client_frames: u8,
    pub(super) dials: u32,
    pub(super) cuts: u8,
    pub(super) evictions: u8,
    pub(super) kicks: u8,
    pub(super) expiries: u8,
    pub(super) forgeries: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Message {
    Hello(Knock),
    Welcome {
        offer: Offer,
        received: u64,
        is_resumed: bool,
    },
    Refused(Refused),
    Ack(u64),
    Data(u8),
    Goodbye,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Refused {
    /// The session lives on, and so does the token.
    Paused,
    Over,
}

/// One connection: what is on its way, and which ends are still there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Line {
    pub(super) up: VecDeque<Message>,
    pub(super) down: VecDeque<Message>,
    pub(super) is_cut: bool,
    pub(super) client_is_there: bool,
    pub(super) server_is_there: bool,
}

/// The last event that the server's game was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Told {
    Joined,
    Lost,
    Left,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) left: Budget,
    pub(super) lines: Vec<Line>,
    /// `None` once the session is over.
    pub(super) server: Option<Stream>,
    /// The connection that the server's session has.
    pub(super) server_line: Option<usize>,
    pub(super) told: Told,
    pub(super) client: Stream,
    pub(super) client_line: Option<usize>,
    pub(super) is_welcome: bool,
    /// The client's newest token, and the connection number of its last welcome.
    pub(super) token: u32,
    pub(super) epoch: u32,
    pub(super) attempt: u32,
    pub(super) client_is_over: bool,
    pub(super) has_evicted: bool,
    /// The frames of both games: the server's and the client's.
    pub(super) game_frames: (u64, u64),
}

const NOW: Time = Time::from_micros(1_000_000);

impl World {
    pub(super) fn new(left: Budget) -> Self {
        let terms = Terms {
            window: Duration::from_secs(60),
            frame_limit: 65_536,
            is_secured: false,
        };
        let (resume, offer) = Resume::new(terms);
        let (mut server, mut client) = (Stream::default(), Stream::default());
        server.outlive(Some(resume));
        client.outlive(None);
        let welcome = Message::Welcome {
            offer,
            received: 0,
            is_resumed: false,
        };
        let first = Line {
            down: VecDeque::from([welcome]),
            client_is_there: true,
            server_is_there: true,
            ..Line::default()
        };
        Self {
            left,
            lines: vec![first],
            server: Some(server),
            server_line: Some(0),
            told: Told::Joined,
            client,
            client_line: Some(0),
            is_welcome: false,
            token: 0,
            epoch: 0,
            attempt: 0,
            client_is_over: false,
            has_evicted: false,
            game_frames: (0, 0),
        }
    }

    /// Takes the step, where it is possible.
    pub(super) fn take(&mut self, step: Step) -> bool {
        match step {
            Step::ServerSends => {
                let sends = self.server.is_some() && spend(&mut self.left.server_frames);
                if let Some(server) = self.server.as_mut().filter(|_| sends) {
                    queue(server);
                    self.game_frames.0 += 1;
                }
                sends
            }
            Step::ClientSends => {
                let sends = !self.client_is_over && spend(&mut self.left.client_frames);
                if sends {
                    queue(&mut self.client);
                    self.game_frames.1 += 1;
                }
                sends
            }
            Step::ServerWrites => self.server_writes(),
            Step::ClientWrites => self.client_writes(),
            Step::ServerAcks => self.server_acks(),
            Step::ClientAcks => self.client_acks(),
            Step::Up(line) => self.up(line),
            Step::Down(line) => self.down(line),
            Step::Cut(line) => self.cut(line),
            Step::ServerSeesEnd(line) => self.server_sees_end(line),
            Step::ClientSeesEnd => self.client_sees_end(),
            Step::ClientGivesUp => {
                let gives_up = self.client_line.is_some() && spend(&mut self.left.cuts);
                if gives_up {
                    self.client_leaves();
                }
                gives_up
            }
            Step::Dial => self.dial(),
            Step::Evict => self.evict(),
            Step::Kick => self.server.is_some() && spend(&mut self.left.kicks) && self.kick(),
            Step::Expire => self.expire(),
            Step::Forge => self.forge(),
        }
    }

    fn server_writes(&mut self) -> bool {
        let (Some(server), Some(line)) = (&mut self.server, self.server_line) else {
            return false;
        };
        let data = write(server);
        self.lines[line].down.extend(data);
        data.is_some()
    }

    /// Behind a welcome, as all that a client sends.
    fn client_writes(&mut self) -> bool {
        let Some(line) = self.client_line.filter(|_| self.is_welcome) else {
            return false;
        };
        let data = write(&mut self.client);
        self.lines[line].up.extend(data);
        data.is_some()
    }

    fn server_acks(&mut self) -> bool {
        let (Some(server), Some(line)) = (&mut self.server, self.server_line) else {
            return false;
        };
        let owes = server.ack_due_at() < Time::NEVER;
        if owes {
            let ack = Message::Ack(server.tell_received());
            self.lines[line].down.push_back(ack);
        }
        owes
    }

    fn client_acks(&mut self) -> bool {
        let Some(line) = self.client_line.filter(|_| self.is_welcome) else {
            return false;
        };
        let owes = self.client.ack_due_at() < Time::NEVER;
        if owes {
            let ack = Message::Ack(self.client.tell_received());
            self.lines[line].up.push_back(ack);
        }
        owes
    }

    /// A frame reaches the server. Nothing that an older connection says changes the session.
    fn up(&mut self, line: usize) -> bool {
        let Some(here) = self.lines.get_mut(line).filter(|line| line.server_is_there) else {
            return false;
        };
        let Some(message) = here.up.pop_front() else {
            return false;
        };
        if let Message::Hello(knock) = message {
            self.knocks(line, &knock);
            return true;
        }
        assert_eq!(self.server_line, Some(line), "only the owner is read");
        let server = self.server.as_mut().expect("it has a connection");
        let resume = server.resume().expect("it may resume");
        let is_confirming = resume.awaits_ack();
        match message {
            Message::Ack(count) => {
                acknowledge(server, count);
                let is_back = server.resume_mut().expect("it may resume").on_ack();
                if is_back {
                    assert_eq!(self.told, Told::Lost, "the player was away");
                    self.told = Told::Joined;
                }
            }
            Message::Data(number) => {
                assert!(!is_confirming, "the first frame is an ack");
                assert_eq!(self.told, Told::Joined, "no frame while the player is away");
                receive(server, number);
            }
            Message::Hello(_)
            | Message::Welcome { .. }
            | Message::Refused(_)
            | Message::Goodbye => {
                panic!("no client sends {message:?}");
            }
        }
        true
    }

    fn knocks(&mut self, line: usize, knock: &Knock) {
        let answer = match &mut self.server {
            None => Err(Refused::Over),
            Some(server) => {
                let resume = server.resume().expect("it may resume");
                match resume.check(NOW, knock, server.floor(), server.sent()) {
                    Ok(()) => Ok(()),
                    Err(Refusal::Raced | Refusal::TooOften) => Err(Refused::Paused),
                    Err(Refusal::Gap) => Err(Refused::Over),
                    Err(Refusal::Stale) => {
                        assert!(knock.generation < self.token, "its newest token is valid");
                        Err(Refused::Over)
                    }
                    Err(refusal) => panic!("{refusal:?} for an honest client"),
                }
            }
        };
        match answer {
            Err(refused) => {
                self.lines[line].down.push_back(Message::Refused(refused));
                self.lines[line].server_is_there = false;
            }
            Ok(()) => self.adopts(line, knock),
        }
    }

    fn adopts(&mut self, line: usize, knock: &Knock) {
        // The old connection may still look alive: it is superseded.
        if let Some(old) = self.server_line.replace(line) {
            self.lines[old].server_is_there = false;
            self.lines[old].down.push_back(Message::Goodbye);
            self.tell_lost();
        }
        let server = self.server.as_mut().expect("it was checked");
        let before = server.resume().expect("it may resume").epoch();
        let offer = server
            .resume_mut()
            .expect("it may resume")
            .adopt(NOW, knock);
        assert!(offer.epoch > before, "the epoch grows");
        server.detach();
        server.attach(knock.received);
        let received = server.tell_received();
        self.lines[line].down.push_back(Message::Welcome {
            offer,
            received,
            is_resumed: true,
        });
    }

    /// A frame reaches the client, which reads no connection but its newest.
    fn down(&mut self, line: usize) -> bool {
        if self.client_line != Some(line) {
            return false;
        }
        let Some(message) = self.lines[line].down.pop_front() else {
            return false;
        };
        match message {
            Message::Welcome {
                offer,
                received,
                is_resumed,
            } => self.is_welcomed(line, offer, received, is_resumed),
            Message::Refused(Refused::Paused) => self.client_leaves(),
            Message::Refused(Refused::Over) => {
                self.client_is_over = true;
                self.client_leaves();
            }
            Message::Ack(count) => acknowledge(&mut self.client, count),
            Message::Data(number) => receive(&mut self.client, number),
            // It would stop for good: the advice is not to come back.
            Message::Goodbye => panic!("the newest connection is never superseded"),
            Message::Hello(_) => panic!("no server says hello"),
        }
        true
    }

    fn is_welcomed(&mut self, line: usize, offer: Offer, received: u64, is_resumed: bool) {
        assert!(offer.epoch > self.epoch, "the epoch grows");
        assert!(received <= self.client.sent() && received >= self.client.floor());
        (self.epoch, self.token) = (offer.epoch, offer.generation);
        if is_resumed {
            self.client.detach();
            self.client.attach(received);
        }
        self.is_welcome = true;
        // The first frame, which confirms.
        let ack = Message::Ack(self.client.tell_received());
        self.lines[line].up.push_back(ack);
    }

    fn cut(&mut self, line: usize) -> bool {
        let line = self.lines.get_mut(line).filter(|line| !line.is_cut);
        let Some(line) = line.filter(|line| line.client_is_there && line.server_is_there) else {
            return false;
        };
        line.is_cut = spend(&mut self.left.cuts);
        line.is_cut
    }

    fn server_sees_end(&mut self, at: usize) -> bool {
        let Some(line) = self.lines.get_mut(at) else {
            return false;
        };
        let is_gone = line.is_cut || !line.client_is_there;
        if !is_gone || !line.server_is_there {
            return false;
        }
        line.server_is_there = false;
        if self.server_line == Some(at) {
            self.server_line = None;
            let server = self.server.as_mut().expect("it had a connection");
            let resume = server.resume_mut().expect("it may resume");
            match resume.on_end(NOW, Cause::PeerReset, None) {
                Fate::Away(_) => {
                    server.detach();
                    self.tell_lost();
                }
                Fate::Over(_) => self.is_over(),
            }
        }
        true
    }

    fn client_sees_end(&mut self) -> bool {
        let Some(at) = self.client_line else {
            return false;
        };
        let line = &self.lines[at];
        let is_gone = line.is_cut || !line.server_is_there && line.down.is_empty();
        if is_gone {
            self.client_leaves();
        }
        is_gone
    }

    fn client_leaves(&mut self) {
        if let Some(line) = self.client_line.take() {
            self.lines[line].client_is_there = false;
            self.lines[line].down.clear();
        }
        self.client.detach();
        self.is_welcome = false;
        // Its first welcome never came: there is no session to go back to.
        self.client_is_over |= self.token == 0;
    }

    fn dial(&mut self) -> bool {
        let may = self.client_line.is_none() && !self.client_is_over;
        if !may || self.left.dials == 0 {
            return false;
        }
        self.left.dials -= 1;
        self.attempt += 1;
        let hello = Message::Hello(Knock {
            generation: self.token,
            attempt: Some(self.attempt),
            received: self.client.received(),
            frame_limit: 65_536,
            is_secured: false,
        });
        self.client_line = Some(self.lines.len());
        self.lines.push(Line {
            up: VecDeque::from([hello]),
            client_is_there: true,
            server_is_there: true,
            ..Line::default()
        });
        true
    }

    fn evict(&mut self) -> bool {
        match &mut self.server {
            Some(server) if server.kept_bytes() > 0 && server.replay_bytes() == 0 => {
                let evicts = spend(&mut self.left.evictions);
                if evicts {
                    server.evict();
                    self.has_evicted = true;
                }
                evicts
            }
            _ => false,
        }
    }

    fn kick(&mut self) -> bool {
        if let Some(line) = self.server_line.take() {
            self.lines[line]
                .down
                .push_back(Message::Refused(Refused::Over));
            self.lines[line].server_is_there = false;
        }
        self.is_over();
        true
    }

    fn expire(&mut self) -> bool {
        let server = self.server.as_ref();
        let is_away = server.is_some_and(|server| server.resume().is_some_and(Resume::is_away));
        let expires = is_away && spend(&mut self.left.expiries);
        if expires {
            self.is_over();
        }
        expires
    }

    /// Someone else knocks, with every token that is not valid: nothing changes.
    fn forge(&mut self) -> bool {
        let Some(server) = &self.server else {
            return false;
        };
        if !spend(&mut self.left.forgeries) {
            return false;
        }
        let resume = server.resume().expect("it may resume");
        let valid: Vec<_> = resume.generations().collect();
        for generation in (0..10).filter(|token| !valid.contains(token)) {
            let knock = Knock {
                generation,
                attempt: None,
                received: 0,
                frame_limit: 65_536,
                is_secured: false,
            };
            let answer = resume.check(NOW, &knock, server.floor(), server.sent());
            assert_eq!(answer, Err(Refusal::Stale));
        }
        true
    }

    fn tell_lost(&mut self) {
        if self.told == Told::Joined {
            self.told = Told::Lost;
        }
        assert_eq!(self.told, Told::Lost);
    }

    fn is_over(&mut self) {
        assert_ne!(self.told, Told::Left, "a session leaves once");
        self.told = Told::Left;
        self.server = None;
    }

    /// Frames that an end will never read make no difference between two states.
    pub(super) fn forget(&mut self) {
        for line in &mut self.lines {
            if !line.server_is_there {
                line.up.clear();
            }
            if !line.client_is_there {
                line.down.clear();
            }
            line.is_cut &= line.server_is_there || line.client_is_there;
        }
    }

    /// A digest of everything by which two states differ.
    pub(super) fn key(&self) -> [u64; 2] {
        let of = |stream: &Stream| {
            let mut stream = stream.clone();
            let counts = [
                stream.received(),
                stream.sent(),
                stream.unacked(),
                stream.floor(),
            ];
            let owes = stream.ack_due_at() < Time::NEVER;
            let waiting = (stream.replay_bytes(), waiting(&mut stream));
            (counts, owes, waiting, stream.resume().cloned())
        };
        let server = self.server.as_ref().map(of);
        let client = (of(&self.client), self.client_line, self.is_welcome);
        let ends = (self.client_is_over, self.server_line, self.told);
        let numbers = (self.token, self.epoch, self.attempt);
        let key = (server, client, ends, numbers, &self.lines, self.left);
        [0, 1].map(|salt| {
            let mut hasher = DefaultHasher::new();
            (salt, &key).hash(&mut hasher);
            hasher.finish()
        })
    }
}

fn spend(budget: &mut u8) -> bool {
    let has = *budget > 0;
    *budget = budget.saturating_sub(1);
    has
}

/// The game sends a frame that is its own number.
fn queue(stream: &mut Stream) {
    let waiting = stream.queue.as_ref().map_or(0, |queue| queue.data_frames());
    let number = u8::try_from(stream.sent() + waiting).expect("it is small");
    let header = Header { len: 1, kind: 0 }.encode();
    stream.queue_mut().push_data(NOW, |out| {
        out.extend_from_slice(&header);
        out.push(number);
    });
}

fn waiting(stream: &mut Stream) -> Vec<u8> {
    let slices = stream.slices();
    slices.iter().flat_map(|slice| slice.to_vec()).collect()
}

/// Writes one frame.
fn write(stream: &mut Stream) -> Option<Message> {
    let waiting = waiting(stream);
    let number = *waiting.get(HEADER_LEN)?;
    stream.advance(HEADER_LEN + 1, usize::MAX);
    Some(Message::Data(number))
}

/// A frame arrives: it is the next one, and none is missing or comes twice.
fn receive(stream: &mut Stream, number: u8) {
    assert_eq!(u64::from(number), stream.received(), "in order, once");
    stream.on_frame(NOW, 1);
}

fn acknowledge(stream: &mut Stream, count: u64) {
    let more = stream.count_acknowledged(count);
    stream.acknowledge(more.expect("an honest count is never a violation"));
}
