//! Calls per second: an account that may start one call a second still rings every phone.

use offhook::sandbox::exchange::ExchangeOptions;
use offhook::sandbox::stories::{AGENTS, JANE, Scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_one_call_a_second_every_phone_of_the_wave_rings() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ExchangeOptions::manual(&format!("sqlite://{}/offhook.sqlite", folder.path().display()));
    options.calls_per_second = 1;
    options.switches.calls_per_second = 1;
    let scene = Scene::start(options).await.unwrap();
    scene.dial(JANE).await.unwrap();
    // Five phones at one a second, and two seconds until one rings.
    scene.wait_for("every phone rings", 9, |scene| AGENTS.iter().all(|agent| scene.is_ringing(agent))).await.unwrap();
    scene.stop().await;
}
