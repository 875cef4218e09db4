//! The stand-in of Chatwoot against the recording of a real one, and its switches.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use offhook::sandbox::chatwoot::{ChatwootStandIn, Options};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stand_in_answers_as_the_recorded_chatwoot_did() {
    let stand_in = ChatwootStandIn::start(Options::default()).await.unwrap();
    let sink = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let fixtures = fixtures();
    let mut comparer = tokio::process::Command::new("python3");
    comparer.arg("-B").arg(fixtures.join("conformance/chatwoot.py")).arg("compare");
    comparer.arg("--against").arg(fixtures.join("chatwoot/chatwoot-4.13.0"));
    let allowances = fixtures.join("conformance-allow.json");
    if allowances.exists() {
        comparer.arg("--allow").arg(allowances);
    }
    for (flag, value) in [
        ("--base", stand_in.base_url()),
        ("--account", stand_in.account_id().to_string()),
        ("--admin-token", stand_in.admin_token()),
        ("--agent-token", stand_in.agent_token()),
        ("--agent2-token", stand_in.agent2_token()),
        ("--admin-email", stand_in.admin_email()),
        ("--admin-password", stand_in.admin_password()),
        ("--sink-port", sink.to_string()),
        ("--sink-url", format!("http://127.0.0.1:{sink}")),
        ("--wait", "4".to_owned()),
    ] {
        comparer.arg(flag).arg(value);
    }
    let run = tokio::time::timeout(Duration::from_secs(170), comparer.kill_on_drop(true).output());
    let run = run.await.expect("the comparison takes less than three minutes").unwrap();
    let report = String::from_utf8_lossy(&run.stdout);
    println!("{report}{}", String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{report}");
    assert!(report.trim_end().ends_with("95 passed, 0 failed"), "{report}");
    stand_in.stop().await;
}
