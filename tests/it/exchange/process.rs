//! The real binary, kept running on one socket as systemd would: whenever it dies it is started again, and connections
//! made meanwhile wait in the socket.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Takes the socket from standard input to where systemd's protocol has it, and becomes the program.
const INHERIT: &str = r#"exec 3<&0 </dev/null; ulimit -c 0; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@""#;

/// A dead process is noticed after so long.
const GLANCE: Duration = Duration::from_millis(5);

/// The binary under test, with these arguments, in this folder, without the settings of whoever runs the tests.
pub fn offhook(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command.current_dir(folder).args(arguments);
    command.env_remove("LISTEN_FDS").env_remove("LISTEN_PID").stdin(Stdio::null());
    command
}

/// `offhook serve` on an inherited socket.
pub fn serve_on(listener: &TcpListener, folder: &Path) -> Command {
    let mut command = Command::new("sh");
    let socket = OwnedFd::from(listener.try_clone().expect("a socket can be handed on twice"));
    command
        .args(["-c", INHERIT, "sh", env!("CARGO_BIN_EXE_offhook"), "serve"])
        .current_dir(folder)
        .stdin(socket)
        .stdout(Stdio::null());
    command
}

struct Watched {
    child: Mutex<Option<Child>>,
    deaths: Mutex<Vec<ExitStatus>>,
    is_stopping: AtomicBool,
}

/// A process that is started again whenever it ends.
pub struct Kept {
    watched: Arc<Watched>,
    keeper: Option<JoinHandle<()>>,
}

impl Kept {
    /// Starts it; `command` is asked for each start, with the number of deaths so far.
    pub fn start(command: impl Fn(usize) -> Command + Send + 'static) -> Self {
        let watched = Arc::new(Watched {
            child: Mutex::new(None),
            deaths: Mutex::default(),
            is_stopping: AtomicBool::new(false),
        });
        let shared = Arc::clone(&watched);
        let keeper = std::thread::spawn(move || keep(&shared, &command));
        Self { watched, keeper: Some(keeper) }
    }

    /// How it ended so far, oldest first.
    pub fn deaths(&self) -> Vec<ExitStatus> {
        self.watched.deaths.lock().unwrap().clone()
    }

    #[cfg(feature = "soak")]
    /// SIGKILL, now.
    pub fn kill(&self) {
        if let Some(child) = self.watched.child.lock().unwrap().as_mut() {
            // It may have ended by itself a moment ago.
            let _ = child.kill();
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.watched.is_stopping.store(true, Ordering::SeqCst);
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}

fn keep(watched: &Watched, command: &dyn Fn(usize) -> Command) {
    while !watched.is_stopping.load(Ordering::SeqCst) {
        let deaths = watched.deaths.lock().unwrap().len();
        let child = command(deaths).spawn().expect("the binary can be started");
        *watched.child.lock().unwrap() = Some(child);
        let ended = loop {
            if watched.is_stopping.load(Ordering::SeqCst) {
                let mut child = watched.child.lock().unwrap().take().expect("it was started");
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            let ended =
                watched.child.lock().unwrap().as_mut().and_then(|child| child.try_wait().expect("it is our child"));
            match ended {
                Some(status) => break status,
                None => std::thread::sleep(GLANCE),
            }
        };
        watched.deaths.lock().unwrap().push(ended);
    }
}

/// A command that goes on running, with the JSON line it prints first. Killed when dropped.
pub struct Running {
    child: Child,
    /// What it printed first.
    pub line: serde_json::Value,
}

impl Running {
    /// Starts it and waits for its line; its log goes to `log` in its folder.
    pub fn start(mut command: Command) -> Self {
        let folder = command.get_current_dir().expect("it runs in a folder").to_owned();
        let log = std::fs::File::create(folder.join("log")).expect("can be written");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("it can be started");
        let mut line = String::new();
        let out = child.stdout.take().expect("was piped");
        BufReader::new(out).read_line(&mut line).expect("it prints text");
        let line = serde_json::from_str(&line).unwrap_or_else(|_| {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("it printed {line:?} and not JSON; {log}")
        });
        Self { child, line }
    }

    /// Asks it to end, as systemd does.
    pub fn terminate(&self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()));
    }

    /// Waits for its end, which must come soon.
    pub fn wait(&mut self) -> ExitStatus {
        for _ in 0..3_000 {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            std::thread::sleep(GLANCE);
        }
        panic!("it does not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
