//! A PostgreSQL server of the tests' own: one for the process, on the loopback only, gone with the process.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Starts the server, says so, and waits for the end of its input, which comes with the end of the test process however
/// that ends. Then it takes everything away.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
dir=$(mktemp -d) || exit 1
"$1/initdb" -D "$dir/data" -U offhook -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
"$1/postgres" -D "$dir/data" -k "$dir" -h 127.0.0.1 -p "$2" -c fsync=off -c max_connections=200 >"$dir/log" 2>&1 &
server=$!
tries=0
until "$1/pg_isready" -q -h 127.0.0.1 -p "$2"; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 $server 2>/dev/null; then cat "$dir/log"; exit 1; fi
    sleep 0.1
done
echo ready
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$dir"
"#;

struct Server {
    port: u16,
    bin: PathBuf,
    /// Closed by the system when the process ends.
    _child: Child,
    _stdin: ChildStdin,
}

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(1);

/// The address of an empty database that no other test uses.
///
/// The server named by `OFFHOOK_TEST_POSTGRES_URL` is taken if it is set, or else one that is started here.
pub fn fresh_database() -> String {
    let name = format!("offhook_test_{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::SeqCst));
    let url = server_url();
    let mut ask = Command::new(psql());
    ask.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname"]).arg(&url);
    let created = ask
        .arg("--command")
        .arg(format!("CREATE DATABASE {name}"))
        .output()
        .unwrap_or_else(|cause| absent(&cause.to_string()));
    assert!(created.status.success(), "cannot create a database: {}", String::from_utf8_lossy(&created.stderr));
    let (server, _) = url.rsplit_once('/').expect("the address ends in a database");
    format!("{server}/{name}")
}

#[expect(clippy::disallowed_methods, reason = "a test has no settings")]
fn server_url() -> String {
    std::env::var("OFFHOOK_TEST_POSTGRES_URL")
        .unwrap_or_else(|_| format!("postgres://offhook@127.0.0.1:{}/postgres", SERVER.get_or_init(start).port))
}

fn psql() -> PathBuf {
    SERVER.get().map_or_else(|| PathBuf::from("psql"), |server| server.bin.join("psql"))
}

#[expect(clippy::zombie_processes, reason = "the server outlives this function and ends with the process")]
fn start() -> Server {
    let bin = find_binaries();
    // Free a moment ago; nobody else on this machine is in a hurry to take it.
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
    let mut shell = if is_root() {
        // The server refuses to run as root; Debian's package made a user for it.
        let mut runuser = Command::new("runuser");
        runuser.args(["-u", "postgres", "--", "sh"]);
        runuser
    } else {
        Command::new("sh")
    };
    shell.current_dir("/").args(["-c", SCRIPT, "sh"]).arg(&bin).arg(port.to_string());
    let mut child =
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap_or_else(|cause| absent(&cause.to_string()));
    let stdin = child.stdin.take().expect("was piped");
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().expect("was piped")).lines() {
        let line = line.expect("text");
        if line == "ready" {
            return Server { port, bin, _child: child, _stdin: stdin };
        }
        said.push_str(&line);
        said.push('\n');
    }
    panic!("PostgreSQL did not start:\n{said}");
}

fn find_binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").exists()).collect();
    found.sort();
    found.pop().unwrap_or_else(|| absent("there is no initdb below /usr/lib/postgresql"))
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    Path::new("/proc/self").metadata().is_ok_and(|me| me.uid() == 0)
}

fn absent(why: &str) -> ! {
    panic!(
        "these tests need PostgreSQL's own binaries ({why}); run scripts/install-needs.sh, or name a server with \
         OFFHOOK_TEST_POSTGRES_URL"
    )
}

/// Lets nobody into a database, and ends every connection to it: for its users the server is gone.
pub fn take_away(url: &str) {
    let name = name_of(url);
    ask(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    // Waits for each to be gone.
    ask(&format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"));
}

/// Lets everybody in again.
pub fn give_back(url: &str) {
    ask(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", name_of(url)));
}

fn name_of(url: &str) -> &str {
    url.rsplit('/').next().expect("the address ends in a database")
}

/// How often two transactions waited for each other in a database. Ends every connection to it, since each counts for
/// itself and tells the server at its end.
pub fn deadlocks(url: &str) -> u64 {
    let name = name_of(url);
    ask(&format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"));
    let told = ask(&format!("SELECT deadlocks FROM pg_stat_database WHERE datname = '{name}'"));
    told.trim().parse().expect("a number")
}

fn ask(sql: &str) -> String {
    let done = Command::new(psql())
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--dbname"])
        .arg(server_url())
        .arg("--command")
        .arg(sql)
        .output()
        .unwrap_or_else(|cause| absent(&cause.to_string()));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}
