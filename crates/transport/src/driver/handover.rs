//! Connections on their way from one task to another. One whose hello asks to go on with a session goes to that session's
//! task. There comes back: the same one, if it is refused; the older one that it replaced; or nothing.

use std::task::{Context, Poll};

use lastword_session::{Connection, Ending, Knocked, Readings, Session};

use super::{Driver, Outside};
use crate::carried::{Carried, Newcomer, Returned};
use crate::tls::Tls;
use crate::{App, Tap};

impl<A: App> Driver<A> {
    /// Gives the connection to the task of the session with which it asks to go on.
    pub(super) fn hand_over(&mut self) {
        let claims = self
            .side
            .as_mut()
            .map(|side| std::mem::take(&mut side.claims));
        if claims != Some(true) {
            return;
        }
        let tls = self.side.take().and_then(|side| side.tls);
        if let (Some(session), Some(tap)) = (self.session.take(), self.tap.take()) {
            let connection = session.into_connection();
            self.app.hand_over(Box::new(Carried {
                connection,
                tap,
                tls,
            }));
        }
    }

    /// Takes back what the other task returns. `None` where nothing is left to do here.
    pub(super) fn poll_returned(&mut self) -> Poll<Option<()>> {
        if self.session.is_some() {
            return Poll::Ready(Some(()));
        }
        let is_late = self.slot.may_be_due(self.slot.now());
        let Returned { carried, refusal } = match self.app.poll_returned(is_late) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(returned)) => returned,
        };
        let Carried {
            mut connection,
            tap,
            tls,
        } = *carried;
        if let Some(refusal) = refusal {
            connection.end(self.slot.now(), &refusal);
        }
        self.session = Some(Session::new(connection));
        self.tap = Some(tap);
        if tls.is_some() {
            self.side.get_or_insert_default().tls = tls;
        }
        Poll::Ready(Some(()))
    }

    /// Lets the session go on with a newcomer, or returns it. Returns whether there was one.
    pub(super) fn take_newcomer(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(side) = self.side.as_mut().filter(|side| side.knocked) else {
            return false;
        };
        let Poll::Ready(newcomer) = self.app.poll_newcomer(cx) else {
            return false;
        };
        side.knocked = newcomer.is_some();
        let (Some(newcomer), Some(session)) = (newcomer, &mut self.session) else {
            return false;
        };
        let (now, _) = self.slot.woken();
        let readings = self
            .tap
            .as_ref()
            .map_or_else(Readings::default, Tap::readings);
        let Newcomer {
            carried,
            session: id,
            knock,
        } = newcomer;
        let Carried {
            connection,
            tap,
            tls,
        } = *carried;
        match session.knock(now, connection, (id, &knock), readings) {
            Knocked::Refused {
                newcomer: connection,
                refusal,
            } => {
                let carried = Carried {
                    connection,
                    tap,
                    tls,
                };
                self.app.refused(Box::new(carried), refusal);
            }
            Knocked::Adopted { older, lost } => {
                let older = self.plug_in(older, tap, tls);
                self.mailbox.set_held(None);
                self.tell_change(cx, (older, lost));
            }
        }
        true
    }

    /// Exchanges the sockets.
    fn plug_in(&mut self, older: Connection, tap: Tap, tls: Option<Box<Tls>>) -> Older {
        let side = self.side.get_or_insert_default();
        // They belong to the older socket.
        (side.watch, side.sleep, side.inquiry) = (None, None, None);
        Older {
            connection: older,
            tls: std::mem::replace(&mut side.tls, tls),
            tap: self.tap.replace(tap),
        }
    }

    /// Tells the app of the loss of the older connection, where it is new, and of the change.
    fn tell_change(
        &mut self,
        cx: &mut Context<'_>,
        (mut older, lost): (Older, Option<Box<Ending>>),
    ) {
        let Some(session) = &mut self.session else {
            return;
        };
        let limit = session.connection().peer_frame_limit();
        if let Some(resume) = session.connection().resume() {
            self.app.resume(resume);
        }
        if let Some(lost) = lost {
            let (now, _) = self.slot.woken();
            let mut outside = Outside {
                cx,
                tap: &mut self.tap,
                app: &mut self.app,
                mailbox: &self.mailbox,
                slot: &mut self.slot,
                side: &mut self.side,
            };
            session.tell_loss(&mut outside, now, (&mut older.connection, *lost));
        }
        self.mailbox.set_frame_limit(limit);
        let older = older.tap.map(|tap| {
            Box::new(Carried {
                connection: older.connection,
                tap,
                tls: older.tls,
            })
        });
        self.app.adopted(older);
        if let (Some(knobs), Some(tap)) = (self.app.knobs(), &self.tap) {
            tap.tune(&knobs);
        }
    }
}

/// The connection that a session had before another one. It has no socket if it has ended.
struct Older {
    connection: Connection,
    tap: Option<Tap>,
    tls: Option<Box<Tls>>,
}
