//! A reply is lost and a safe one heard in its place: what that means for the call is told to it.

use std::sync::Arc;
use std::time::Duration;

use actix_web::test::{call_service, init_service, read_body};
use offhook::call::state::{Call, CallerAt, Stage};
use offhook::rules::RingMethod;
use offhook::store::Store;
use offhook::twilio::urls::{Door, Minted};

use super::faulty_store::Mood;
use super::{BASE, House, params, serve, signed};

/// The call is told in the background, at once as long as the store works.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

impl House {
    /// The address of a door for the first leg of a call.
    fn address_of(&self, door: Door, call: &Call, round: u32) -> String {
        let address = self.addresses.mint(door, Minted::of(call.id).leg(1).round(round).step(1), self.now);
        address.split('#').next().unwrap().to_owned()
    }

    async fn only_call(&self) -> Call {
        let calls = self.store.list_calls(None, 10).await.unwrap();
        assert_eq!(calls.len(), 1);
        calls[0].clone()
    }

    /// Looks until the claim is given up.
    async fn given_up(&self) -> Call {
        let until = tokio::time::Instant::now() + TOLD_WITHIN;
        loop {
            let call = self.only_call().await;
            if call.stage == Stage::Waiting && call.find_leg(1).is_some_and(|leg| leg.end.is_some()) {
                return call;
            }
            assert!(tokio::time::Instant::now() < until, "the call was not told: {:?}", call.stage);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Asks at a door; the document.
macro_rules! ask {
    ($service:expr, $door:expr, $url:expr) => {{
        let response = call_service(&$service, signed(&$url, &params($door)).to_request()).await;
        String::from_utf8(read_body(response).await.to_vec()).unwrap()
    }};
}

#[actix_web::test]
async fn by_dial_the_caller_is_rung_for_again() {
    let house = House::ringing_by(RingMethod::Dial).await;
    let service = serve!(house);
    let rings = ask!(service, Door::Voice, format!("{BASE}{}", Door::Voice.path()));
    assert!(rings.contains("<Dial"), "{rings}");
    let call = house.only_call().await;
    assert!(ask!(service, Door::Screen, house.address_of(Door::Screen, &call, 1)).contains("<Gather"));

    house.store.set(Mood::SavesInSilence);
    let heard = ask!(service, Door::ScreenKey, house.address_of(Door::ScreenKey, &call, 1));
    assert!(heard.contains("cannot be connected") && heard.contains("<Hangup"), "{heard}");
    let call = house.given_up().await;
    assert_eq!(call.owner, None);

    // The carrier says that nobody was bridged: the other phones ring, and the caller hears no farewell.
    let next = ask!(service, Door::DialEnded, house.address_of(Door::DialEnded, &call, 1));
    assert!(next.contains("<Dial"), "{next}");
}

#[actix_web::test]
async fn by_single_legs_the_claim_is_given_up_at_once() {
    let house = House::ringing_by(RingMethod::Legs).await;
    let service = serve!(house);
    ask!(service, Door::Voice, format!("{BASE}{}", Door::Voice.path()));
    let call = house.only_call().await;
    // The call waits once the queue has asked.
    ask!(service, Door::Wait, house.address_of(Door::Wait, &call, 0));
    assert!(ask!(service, Door::AgentAnswer, house.address_of(Door::AgentAnswer, &call, 0)).contains("<Gather"));

    house.store.set(Mood::SavesInSilence);
    let heard = ask!(service, Door::AgentAccept, house.address_of(Door::AgentAccept, &call, 0));
    assert!(heard.contains("cannot be connected"), "{heard}");
    assert_eq!(house.given_up().await.owner, None);
}

/// For some seconds the store fails, the caller is sent to the recorder, and the store is back while they speak.
#[actix_web::test]
async fn a_caller_sent_to_the_recorder_is_known_to_be_there() {
    for mood in [Mood::SavesInSilence, Mood::Fails] {
        let house = House::ringing_by(RingMethod::Legs).await;
        let service = serve!(house);
        ask!(service, Door::Voice, format!("{BASE}{}", Door::Voice.path()));
        let call = house.only_call().await;
        ask!(service, Door::Wait, house.address_of(Door::Wait, &call, 0));
        assert_eq!(house.only_call().await.stage, Stage::Waiting);

        house.store.set(mood);
        let heard = ask!(service, Door::Left, house.address_of(Door::Left, &call, 0));
        assert!(heard.contains("<Record"), "{heard}");
        tokio::time::sleep(Duration::from_millis(300)).await;
        house.store.set(Mood::Works);
        let until = tokio::time::Instant::now() + TOLD_WITHIN;
        let told = loop {
            let call = house.only_call().await;
            if call.caller_at == CallerAt::Recorder {
                break call;
            }
            assert!(tokio::time::Instant::now() < until, "{mood:?}: the call was not told: {:?}", call.caller_at);
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(told.stage, Stage::Voicemail);
        assert!(told.legs.iter().all(|leg| leg.end.is_some()), "{mood:?}: phones go on ringing for nobody");
    }
}
