//! The server of the session: one login, newcomers that ask to go on with it, and what its game hears.

use std::sync::Arc;
use std::time::Duration;

use lastword_session::{
    Cause, Claim, Config, Connection, HeldBytes, Knock, Readings, Refusal, ResumeConfig, SessionId,
    TokenKey,
};

use super::support::{ADMISSION, Answer, Host, Pair, Pipe, Seen};
use super::world::{Line, WINDOW, World};

impl World {
    /// The line whose server has the session.
    pub(crate) fn owner(&self) -> Option<usize> {
        self.lines.iter().position(|line| line.has_session)
    }

    /// Takes what the server of a line has heard.
    pub(crate) fn server_hears(&mut self, at: usize) {
        let line = &mut self.lines[at];
        for seen in std::mem::take(&mut line.pair.server.seen) {
            match seen {
                Seen::Data(payload) => {
                    assert!(line.has_session, "only the owner hears frames");
                    self.history.frame();
                    self.up.hears(&payload);
                }
                Seen::Credentials(_) => {
                    self.history.joined();
                    line.has_session = true;
                    line.pair.server.answer = Answer::Admit(ADMISSION);
                }
                Seen::Back => {
                    assert!(line.has_session, "only the owner's player comes back");
                    self.history.back();
                    self.outcome.resumes += 1;
                }
                claim @ Seen::Claim { .. } => return self.judges(at, &claim),
                Seen::Link(_) | Seen::RoundTrip(_) => {}
                Seen::Secured | Seen::Welcome(_) | Seen::Notice { .. } => panic!("{seen:?}"),
            }
        }
        let host = &line.pair.server;
        if host.lost.is_some() && !line.told_lost {
            line.told_lost = true;
            self.history.lost();
        }
        let is_over = host.departed.is_some() || host.left.is_some();
        if line.has_session && is_over && !self.history.has_left() {
            self.history.left();
        }
        if let Some(ending) = host.ending.as_ref().filter(|_| !line.has_ended) {
            line.has_ended = true;
            self.outcome.ended += 1;
            let cause = ending.verdict.cause;
            let is_own_fault = matches!(
                cause,
                Cause::ProtocolViolation | Cause::FrameMalformed | Cause::PingFlood
            );
            assert!(
                !is_own_fault,
                "of a client that does as the wire says: {ending:?}"
            );
            self.outcome.trace(u64::from(cause.code()));
            self.outcome.superseded += u64::from(cause == Cause::SupersededByResume);
        }
    }

    /// Lets the session go on with a newcomer, or refuses it.
    fn judges(&mut self, at: usize, claim: &Seen) {
        let mut newcomer = self.lines.remove(at);
        let refusal = self.goes_on(&mut newcomer, claim).err();
        if let Some(refusal) = refusal {
            self.outcome.refusals += 1;
            if newcomer.is_forged {
                assert_eq!(refusal, Refusal::Stale);
                self.outcome.forgeries += 1;
            }
        } else {
            assert!(!newcomer.is_forged, "a forged token was taken");
        }
        self.lines.insert(at, newcomer);
    }

    fn goes_on(&mut self, newcomer: &mut Line, claim: &Seen) -> Result<(), Refusal> {
        let now = self.now;
        let knock = self.checks(claim);
        let owner = self.owner();
        let (Ok(knock), Some(owner)) = (knock, owner) else {
            let server = newcomer.pair.server.connection_mut();
            server.end(now, &Refusal::Stale.close());
            return Err(Refusal::Stale);
        };
        let line = &mut self.lines[owner];
        let readings: Readings = line
            .pair
            .server
            .readings(now, &line.pair.up, &line.pair.down);
        let epoch = epoch(line.pair.server.connection());
        let knock = (SessionId::from_bytes(ADMISSION.session), &knock);
        let server = &mut line.pair.server;
        server.goes_on(now, &mut newcomer.pair.server, knock, readings)?;
        assert_eq!(
            Some(epoch + 1),
            Some(self::epoch(newcomer.pair.server.connection()))
        );
        line.has_session = false;
        newcomer.has_session = true;
        if line.pair.server.lost.is_some() && !line.told_lost {
            line.told_lost = true;
            self.history.lost();
        }
        Ok(())
    }

    /// Checks the token of a claim.
    pub(crate) fn checks(&self, claim: &Seen) -> Result<Knock, Refusal> {
        let Seen::Claim {
            session,
            token,
            previous,
            received,
            frame_limit,
        } = claim
        else {
            panic!("{claim:?}");
        };
        let claim = Claim {
            session: *session,
            token,
            previous: *previous,
            received: *received,
            frame_limit: *frame_limit,
            is_secured: false,
        };
        let owner = self.owner().filter(|_| !self.history.has_left());
        let owner = owner.ok_or(Refusal::Stale)?;
        let resume = self.lines[owner].pair.server.connection().resume();
        let resume = resume.ok_or(Refusal::Stale)?;
        claim.knock(&self.key(), resume.generations())
    }

    /// What the server of a new connection makes of these bytes.
    pub(crate) fn reads(&mut self, bytes: &[u8]) -> Option<Seen> {
        let client =
            Connection::client(Arc::clone(&self.config), &super::client::WILLING, self.now);
        let mut pair = self.line(client).pair;
        (pair.up.latency, pair.up.chunk) = (Duration::ZERO, usize::MAX);
        pair.up.write(self.now, bytes);
        while pair.server.turn(self.now, &mut pair.up, &mut pair.down) {}
        pair.server.seen.pop()
    }

    /// The whole state of the session, in words.
    pub(crate) fn session(&self) -> String {
        let owner = self.owner().expect("the session is here");
        format!("{:?}", self.lines[owner].pair.server.connection())
    }

    /// The number of the session's connection.
    pub(crate) fn epoch(&self) -> u32 {
        let owner = self.owner().expect("the session is here");
        epoch(self.lines[owner].pair.server.connection())
    }

    /// A client whose token is not right asks to go on with the session.
    pub(crate) fn forges(&mut self) {
        let bit = self.dice.roll();
        if let Some(hello) = self.client.forged(bit) {
            let mut line = self.line(Connection::client(
                Arc::clone(&self.config),
                &super::client::WILLING,
                self.now,
            ));
            line.pair.up.write(self.now, &hello);
            (line.has_client, line.is_forged) = (false, true);
            self.lines.push(line);
        }
    }

    /// The process ends, and its system resets its connections. The next one has another key, and no session.
    pub(crate) fn crashes(&mut self) {
        let now = self.now;
        for line in &mut self.lines {
            line.pair.down.reset(now);
            line.pair.up.is_reader_gone = true;
            self.outcome.ended += u64::from(!line.has_ended);
            (line.has_server, line.has_ended, line.has_session) = (false, true, false);
        }
        self.processes += 1;
        self.config = config(self.key(), self.kept_max);
    }

    pub(crate) fn key(&self) -> TokenKey {
        TokenKey::new([self.processes; 32])
    }

    /// Both ends of a connection that is made now.
    pub(crate) fn line(&mut self, client: Connection) -> Line {
        self.outcome.opened += 1;
        let server = Connection::server(Arc::clone(&self.config), self.now);
        let mut pair = Pair {
            now: self.now,
            client: Host::new(client, Answer::Wait),
            server: Host::new(server, Answer::Wait),
            up: Pipe::default(),
            down: Pipe::default(),
        };
        for pipe in [&mut pair.up, &mut pair.down] {
            pipe.latency = self.dice.within_ms(150);
            pipe.chunk = self.dice.one_of(&[7, 100, usize::MAX]);
            pipe.capacity = self.dice.one_of(&[300, 5_000, usize::MAX]);
        }
        Line::new(pair)
    }
}

fn epoch(connection: &Connection) -> u32 {
    connection.resume().expect("it may resume").epoch()
}

pub(crate) fn config(key: TokenKey, kept_max: usize) -> Arc<Config> {
    let mut config = Config {
        resume: Some(ResumeConfig {
            window: WINDOW,
            key,
            held: Arc::new(HeldBytes::new(usize::MAX)),
        }),
        ..Config::default()
    };
    config.limits.outbound_bytes_max = kept_max;
    Arc::new(config)
}
