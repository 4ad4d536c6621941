//! Puts requests in the order in which they were sent, and drops what comes twice.
//!
//! Senders label what they send to an entity: a timestamp that rises with every message, and the
//! timestamp of the message before. What comes before its predecessor waits for it, within a window
//! of time. Clients do not label, and neither do they take part; the same goes for requests that
//! have a due time and for locks that one entity forwards to the next.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::message::Request;
use crate::time::Ticks;

/// The horizon moves in steps, as moving it costs a look at everything.
const STEP: i64 = 10 * 10_000_000;

/// What an entity remembers of its senders and receivers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Sorter {
    /// Timestamp of the last message to each receiver.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    last_sent_to_instance: BTreeMap<String, Ticks>,
    /// What came from each sender.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    received_from_instance: BTreeMap<String, Sender>,
    /// Messages from before this time are not sorted any more.
    #[serde(skip_serializing_if = "is_unset")]
    receive_horizon: Ticks,
    /// Receivers whose last message is older are forgotten.
    #[serde(skip_serializing_if = "is_unset")]
    send_horizon: Ticks,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Sender {
    /// Timestamp of the last message that was let through.
    last: Ticks,
    /// The sender's execution: timestamps begin anew with each.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_id: Option<String>,
    /// What waits for its predecessor.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    buffered: BTreeMap<Ticks, Request>,
}

/// Why a request was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    /// It came before.
    Duplicate,
    /// It is a call or a lock request without labels.
    Unlabelled,
}

/// What came of a request.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sorted {
    /// What is let through now, in order.
    pub(super) requests: Vec<Request>,
    /// Whether the request itself was dropped.
    pub(super) dropped: Option<Dropped>,
}

fn is_unset(time: &Ticks) -> bool {
    *time == Ticks::UNSET
}

impl Sorter {
    /// Takes a request in; the window is in ticks, and 0 switches sorting off.
    pub(super) fn receive(&mut self, request: Request, window: i64) -> Sorted {
        let mut sorted = Sorted::default();
        let Some(sender) = request.parent.clone() else {
            sorted.requests.push(request);
            return sorted;
        };
        if window == 0 || request.position > 0 {
            sorted.requests.push(request);
            return sorted;
        }
        if request.timestamp == Ticks::UNSET {
            if request.signal {
                sorted.requests.push(request);
            } else {
                sorted.dropped = Some(Dropped::Unlabelled);
            }
            return sorted;
        }
        if self.receive_horizon.plus(window + STEP) < request.timestamp {
            self.receive_horizon = request.timestamp.plus(-window);
            self.let_old_ones_through(&mut sorted.requests);
        }
        let horizon = self.receive_horizon;
        if request.timestamp < horizon {
            sorted.requests.push(request);
            return sorted;
        }
        let sender = self.received_from_instance.entry(sender).or_default();
        if sender.execution_id != request.parent_execution {
            let buffered = std::mem::take(&mut sender.buffered);
            sorted.requests.extend(buffered.into_values());
            sender.last = Ticks::UNSET;
            sender.execution_id.clone_from(&request.parent_execution);
        }
        if request.timestamp <= sender.last {
            sorted.dropped = Some(Dropped::Duplicate);
        } else if request.predecessor > sender.last && request.predecessor >= horizon {
            sender.buffered.insert(request.timestamp, request);
        } else {
            sender.last = request.timestamp;
            sorted.requests.push(request);
            sender.let_next_through(horizon, &mut sorted.requests);
        }
        sorted
    }

    /// Whether a labelled request has moved the horizon, below which everything is let through.
    pub(super) fn has_seen_labels(&self) -> bool {
        self.receive_horizon > Ticks::UNSET
    }

    /// Labels a message to another entity.
    pub(super) fn label(&mut self, request: &mut Request, receiver: &str, now: Ticks, window: i64) {
        if window == 0 {
            return;
        }
        if self.send_horizon.plus(window + STEP) < now {
            let horizon = now.plus(-window);
            self.send_horizon = horizon;
            self.last_sent_to_instance
                .retain(|_, last| *last >= horizon);
        }
        let mut timestamp = now;
        request.predecessor = Ticks::UNSET;
        if let Some(last) = self.last_sent_to_instance.get(receiver) {
            request.predecessor = *last;
            timestamp = timestamp.max(last.plus(1));
        }
        request.timestamp = timestamp;
        self.last_sent_to_instance
            .insert(receiver.to_owned(), timestamp);
    }

    fn let_old_ones_through(&mut self, requests: &mut Vec<Request>) {
        let horizon = self.receive_horizon;
        self.received_from_instance.retain(|_, sender| {
            if sender.last < horizon {
                sender.last = Ticks::UNSET;
            }
            sender.let_next_through(horizon, requests);
            sender.last != Ticks::UNSET || !sender.buffered.is_empty()
        });
    }
}

impl Sender {
    fn let_next_through(&mut self, horizon: Ticks, requests: &mut Vec<Request>) {
        while let Some(first) = self.buffered.first_entry() {
            let predecessor = first.get().predecessor;
            if predecessor > self.last && predecessor >= horizon {
                return;
            }
            let request = first.remove();
            self.last = if request.timestamp >= horizon {
                request.timestamp
            } else {
                Ticks::UNSET
            };
            requests.push(request);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: i64 = 30 * 60 * 10_000_000;

    fn request(sender: &str, timestamp: i64, predecessor: i64) -> Request {
        let time = |offset: i64| {
            if offset == 0 {
                Ticks::UNSET
            } else {
                Ticks(20_000_000_000_000_000 + offset)
            }
        };
        Request {
            operation: Some(format!("{sender}{timestamp}")),
            parent: Some(sender.into()),
            parent_execution: Some("e".into()),
            timestamp: time(timestamp),
            predecessor: time(predecessor),
            ..Request::default()
        }
    }

    fn names(requests: &[Request]) -> Vec<&str> {
        requests
            .iter()
            .map(|request| request.operation.as_deref().unwrap())
            .collect()
    }

    #[test]
    fn a_gap_waits_and_a_duplicate_is_dropped() {
        let mut sorter = Sorter::default();
        let mut take = |request| sorter.receive(request, WINDOW);
        assert_eq!(names(&take(request("a", 1, 0)).requests), ["a1"]);
        assert!(take(request("a", 3, 2)).requests.is_empty());
        assert_eq!(names(&take(request("b", 9, 0)).requests), ["b9"]);
        assert_eq!(names(&take(request("a", 2, 1)).requests), ["a2", "a3"]);
        let again = take(request("a", 2, 1));
        assert_eq!(
            (again.requests, again.dropped),
            (Vec::new(), Some(Dropped::Duplicate))
        );
    }

    #[test]
    fn who_does_not_take_part_passes() {
        let mut sorter = Sorter::default();
        let client = Request {
            parent: None,
            ..request("a", 0, 0)
        };
        let forwarded = Request {
            position: 1,
            ..request("a", 0, 0)
        };
        let signal = Request {
            signal: true,
            ..request("a", 0, 0)
        };
        for request in [client, forwarded, signal] {
            let sorted = sorter.receive(request.clone(), WINDOW);
            assert_eq!((sorted.requests, sorted.dropped), (vec![request], None));
        }
        let call = sorter.receive(request("a", 0, 0), WINDOW);
        assert_eq!(call.dropped, Some(Dropped::Unlabelled));
        assert_eq!(sorter, Sorter::default());
        assert_eq!(sorter.receive(request("a", 0, 0), 0).requests.len(), 1);
    }

    #[test]
    fn a_new_execution_begins_anew() {
        let mut sorter = Sorter::default();
        sorter.receive(request("a", 5, 0), WINDOW);
        sorter.receive(request("a", 9, 8), WINDOW);
        let next = Request {
            parent_execution: Some("f".into()),
            ..request("a", 3, 0)
        };
        assert_eq!(names(&sorter.receive(next, WINDOW).requests), ["a9", "a3"]);
    }

    #[test]
    fn what_waits_longer_than_the_window_is_let_through() {
        let mut sorter = Sorter::default();
        sorter.receive(request("a", 1, 0), WINDOW);
        assert!(
            sorter
                .receive(request("a", 3, 2), WINDOW)
                .requests
                .is_empty()
        );
        let late = request("b", 2 * WINDOW + STEP, 0);
        let sorted = sorter.receive(late, WINDOW);
        assert_eq!(sorted.requests.len(), 2);
        assert_eq!(names(&sorted.requests)[0], "a3");
        // What is forgotten is not kept in the state either.
        assert_eq!(sorter.received_from_instance.len(), 1);
        let old = sorter.receive(request("a", 2, 1), WINDOW);
        assert_eq!(names(&old.requests), ["a2"]);
    }

    #[test]
    fn messages_are_labelled_for_each_receiver() {
        let mut sorter = Sorter::default();
        let mut label = |receiver: &str, now: i64| {
            let mut request = Request::default();
            sorter.label(&mut request, receiver, Ticks(now), WINDOW);
            (request.timestamp, request.predecessor)
        };
        assert_eq!(label("@a@1", 100), (Ticks(100), Ticks::UNSET));
        assert_eq!(label("@b@1", 100), (Ticks(100), Ticks::UNSET));
        assert_eq!(label("@a@1", 90), (Ticks(101), Ticks(100)));
        let late = 2 * WINDOW + STEP;
        assert_eq!(label("@b@1", late), (Ticks(late), Ticks::UNSET));
        assert_eq!(sorter.last_sent_to_instance.len(), 1);
    }

    proptest! {
        /// Whatever the order of arrival, and however often: each sender's messages come out once,
        /// in the order in which it sent them, also when the state is stored in between.
        #[test]
        fn any_arrival_comes_out_in_order(
            counts in prop::collection::vec(1_i64..8, 1..4),
            twice in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
            seed in any::<u64>(),
            store_at in any::<prop::sample::Index>(),
        ) {
            let mut arrivals = Vec::new();
            for (sender, count) in counts.iter().enumerate() {
                let sender = format!("s{sender}-");
                arrivals.extend((1..=*count).map(|at| request(&sender, at, at - 1)));
            }
            let copies: Vec<Request> = twice.iter().map(|at| at.get(&arrivals).clone()).collect();
            arrivals.extend(copies);
            // A shuffle that shrinks well enough.
            let mut state = seed | 1;
            for at in (1..arrivals.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let other = usize::try_from(state >> 33).unwrap() % (at + 1);
                arrivals.swap(at, other);
            }
            let store_at = store_at.index(arrivals.len());
            let mut sorter = Sorter::default();
            let mut out = Vec::new();
            for (at, request) in arrivals.into_iter().enumerate() {
                if at == store_at {
                    let text = serde_json::to_string(&sorter).unwrap();
                    sorter = serde_json::from_str(&text).unwrap();
                }
                out.extend(sorter.receive(request, WINDOW).requests);
            }
            for (sender, count) in counts.iter().enumerate() {
                let prefix = format!("s{sender}-");
                let received: Vec<&str> = names(&out).into_iter().filter(|name| name.starts_with(&prefix)).collect();
                let sent: Vec<String> = (1..=*count).map(|at| format!("{prefix}{at}")).collect();
                prop_assert_eq!(received, sent);
            }
        }
    }
}
