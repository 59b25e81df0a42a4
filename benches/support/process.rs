//! Long-running processes of a run, and the janitor that outlives it.
//!
//! Each process ends when its guard is dropped. Should the run itself be killed, no guard is: then the janitor, a shell
//! that holds the read end of a pipe from this process, ends what it was told of, by its id, and removes the directory.

use std::{
    fs::{self, File, Permissions},
    io::Write as _,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const SCRIPT: &str = r#"
ids=
while read -r verb id; do
    case $verb in
        started) ids="$ids $id" ;;
        ended)
            left=
            for one in $ids; do [ "$one" = "$id" ] || left="$left $one"; done
            ids=$left
            ;;
    esac
done
# PostgreSQL ends at once by the first; a daemon may have been started where that one is ignored.
for signal in QUIT TERM; do
    for id in $ids; do kill -$signal "$id"; done
done
for id in $ids; do
    for attempt in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$id" || continue 2; sleep 1; done
    kill -KILL "$id"
done
rm -rf "$1"
"#;

/// How long a process may take to end before it is killed.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// The run's directory, and the shell that removes it at the end, however that comes.
pub(crate) struct Janitor {
    directory: PathBuf,
    shell: Child,
    orders: Mutex<Option<ChildStdin>>,
}

impl Janitor {
    /// Makes a directory below `place`.
    pub(crate) fn start(place: &Path) -> Result<Arc<Self>> {
        let directory = tempfile::Builder::new()
            .prefix("pgsteward-bench-")
            .tempdir_in(place)
            .with_context(|| format!("cannot make a directory in {}", place.display()))?;
        // The server's account must come through it.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "janitor"])
            .arg(directory.path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C at the terminal ends the run; the janitor comes after.
            .process_group(0)
            .spawn()?;
        let orders = Mutex::new(shell.stdin.take());
        Ok(Arc::new(Self {
            directory: directory.keep(),
            shell,
            orders,
        }))
    }

    /// Where everything of the run lies.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn tell(&self, verb: &str, id: u32) -> Result<()> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = orders.as_mut() {
            writeln!(orders, "{verb} {id}").context("the janitor is gone")?;
        }
        Ok(())
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.orders.get_mut().map(Option::take));
        if let Err(error) = self.shell.wait() {
            eprintln!("the janitor could not be waited for: {error}");
        }
    }
}

/// A process that ends with this guard.
pub(crate) struct Running {
    child: Child,
    /// What asks it to end.
    signal: Signal,
    log: PathBuf,
    janitor: Arc<Janitor>,
}

impl Running {
    /// Starts the command with all that it says in a file.
    pub(crate) fn start(
        mut command: Command,
        log: PathBuf,
        signal: Signal,
        janitor: &Arc<Janitor>,
    ) -> Result<Self> {
        let said = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let running = Self {
            child,
            signal,
            log,
            janitor: Arc::clone(janitor),
        };
        running.janitor.tell("started", running.id())?;
        Ok(running)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Looks until it is as it should be; gives what was found, or an error with the end of its log.
    pub(crate) fn until<T>(
        &mut self,
        mut look: impl FnMut(&Self) -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                anyhow::bail!("it is not ready ({ended:?}); its log:\n{}", self.log());
            }
            sleep(POLL);
        }
    }

    /// Ends it before the guard is dropped.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            kill(Pid::from_raw(self.id().try_into()?), self.signal)?;
            let deadline = Instant::now() + PATIENCE;
            while self.child.try_wait()?.is_none() {
                if Instant::now() > deadline {
                    self.child.kill()?;
                    self.child.wait()?;
                    break;
                }
                sleep(POLL);
            }
        }
        self.janitor.tell("ended", self.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("process {} could not be ended: {error}", self.id());
        }
    }
}
