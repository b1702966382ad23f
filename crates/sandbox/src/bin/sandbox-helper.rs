//! For this crate's tests only: the helper on its own, a small operator to start and kill, and a subject that tries
//! what an untrusted command might try. Prints what happened and never decides whether that is right.
#![expect(unsafe_code, reason = "the subject makes system calls that no safe code would make")]
#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::time::Duration;

use sandbox::{Cancel, Launcher, Spec};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["helper" | "__sandbox", ..] => std::process::exit(sandbox::helper_main()),
        ["denials", level, folder, home] => denials(level, folder, home),
        ["operate", spec] => operate(spec),
        ["talk", spec] => talk(spec),
        ["probe", folder] => probe(folder),
        ["remove", folder] => sandbox::remove_tree(folder.as_ref()).map_err(io::Error::other),
        ["try", rest @ ..] => attempt(rest),
        other => Err(io::Error::other(format!("unknown arguments {other:?}"))),
    };
    if let Err(error) = result {
        println!("error: {error}");
        std::process::exit(99);
    }
}

fn launcher() -> io::Result<Launcher> {
    Ok(Launcher { program: std::env::current_exe()?, first_args: vec!["helper".into()] })
}

/// Runs the box that the JSON file describes, and prints the report as JSON. A line on the input cancels it.
fn operate(spec: &str) -> io::Result<()> {
    let spec: Spec = serde_json::from_reader(File::open(spec)?)?;
    let cancel = Cancel::new()?;
    let handle = cancel.clone();
    std::thread::spawn(move || {
        if io::stdin().read_line(&mut String::new()).is_ok_and(|count| count > 0) {
            handle.cancel();
        }
    });
    let answer = match sandbox::run(&launcher()?, &spec, &cancel) {
        Err(error) => serde_json::json!({ "outcome": format!("Error: {error}") }),
        Ok(report) => serde_json::json!({
            "outcome": format!("{:?}", report.outcome),
            "stdout": report.stdout.text(),
            "stderr": report.stderr.text(),
            "total": report.stdout.total,
            "kept": report.stdout.head.len() + report.stdout.tail.len(),
            "wall_millis": report.wall.as_millis() as u64,
            "leftovers": report.leftovers_killed,
            "max_rss_kib": report.max_rss_kib,
            "own_peak_kib": own_peak_kib(),
        }),
    };
    println!("{answer}");
    Ok(())
}

/// Runs the box that the JSON file describes, says a word to it, and answers whoever knocks at its door. Prints the report
/// with what was heard of the box in the place of its output.
fn talk(spec: &str) -> io::Result<()> {
    let spec: Spec = serde_json::from_reader(File::open(spec)?)?;
    let (input, mut say) = io::pipe()?;
    let (mut hear, output) = io::pipe()?;
    let opened = Box::new(|listener: TcpListener| {
        std::thread::spawn(move || {
            for mut caller in listener.incoming().flatten() {
                let mut word = String::new();
                let _ = caller.read_to_string(&mut word);
                let _ = write!(caller, "you said {word}");
            }
        });
    });
    say.write_all(b"from the operator\n")?;
    drop(say);
    let heard = std::thread::spawn(move || {
        let mut text = String::new();
        hear.read_to_string(&mut text).map(|_| text)
    });
    let door = sandbox::Door { port: 4017, opened };
    let talk = sandbox::Talk { input, output, door: Some(door) };
    let done = sandbox::talk(&launcher()?, &spec, &Cancel::new()?, talk);
    let heard = heard.join().map_err(|_| io::Error::other("the listener died"))??;
    let answer = match done {
        Err(error) => serde_json::json!({ "outcome": format!("Error: {error}") }),
        Ok(report) => serde_json::json!({ "outcome": format!("{:?}", report.outcome), "stdout": heard }),
    };
    println!("{answer}");
    Ok(())
}

/// The most memory that this operator had at a time.
fn own_peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(u64::MAX)
}

fn probe(folder: &str) -> io::Result<()> {
    let machine = sandbox::probe(&launcher()?, Some(folder.as_ref())).map_err(io::Error::other)?;
    println!("{}", serde_json::to_string(&machine)?);
    Ok(())
}

/// Makes all attempts in a box of this level and prints what came of them as JSON.
fn denials(level: &str, folder: &str, home: &str) -> io::Result<()> {
    let level = level.parse().map_err(io::Error::other)?;
    let tried = sandbox::try_denials(&launcher()?, level, folder.as_ref(), Some(home.as_ref()));
    println!("{}", serde_json::to_string(&tried.map_err(io::Error::other)?)?);
    Ok(())
}

fn attempt(words: &[&str]) -> io::Result<()> {
    match words {
        ["descriptors"] => descriptors(),
        ["connect", port] => tell("connect", TcpStream::connect((Ipv4Addr::LOCALHOST, number(port)?))),
        ["knock", port] => knock(number(port)?),
        ["udp", port] => tell("udp", send_datagram(number(port)?)),
        ["loopback"] => tell("loopback", talk_to_self()),
        ["abstract", name] => tell("abstract", connect_abstract(name)),
        ["path-socket", path] => tell("path-socket", UnixStream::connect(path)),
        ["pair"] => tell("pair", UnixStream::pair()),
        ["datagram-pair", path] => tell("datagram-pair", send_by_pair(path)),
        ["serve"] => tell("serve", TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))),
        ["families"] => families(),
        ["calls"] => calls(),
        ["write", path] => tell("write", File::options().append(true).create(true).open(path)),
        ["read", path] => tell("read", File::open(path).and_then(|mut file| file.read(&mut [0; 1]))),
        ["list", path] => tell("list", std::fs::read_dir(path)),
        ["flood", count] => flood(number(count)?),
        ["daemon"] => daemon(),
        ["stubborn"] => stubborn(),
        ["forks"] => forks(),
        ["bomb"] => bomb(),
        ["kill", pid] => tell("kill", call(libc::SYS_kill, [number::<usize>(pid)?, 0, 0])),
        other => Err(io::Error::other(format!("unknown attempt {other:?}"))),
    }
}

/// Says a word to whoever listens, and prints the answer.
fn knock(port: u16) -> io::Result<()> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.write_all(b"knock")?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    println!("knock: {answer}");
    Ok(())
}

fn number<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.parse().map_err(|_| io::Error::other(format!("{text} is no number")))
}

/// One line: the name and what came of it, an error by its number.
fn tell<T>(name: &str, result: io::Result<T>) -> io::Result<()> {
    match result {
        Ok(_) => println!("{name}: ok"),
        Err(error) => println!("{name}: errno {}", error.raw_os_error().unwrap_or(-1)),
    }
    Ok(())
}

fn call(number: libc::c_long, arguments: [usize; 3]) -> io::Result<()> {
    // SAFETY: only null pointers and small numbers are passed, so nothing of this process is touched.
    let result = unsafe { libc::syscall(number, arguments[0], arguments[1], arguments[2], 0, 0, 0) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn descriptors() -> io::Result<()> {
    // SAFETY: asking for a descriptor's flags touches nothing.
    let open = (0..4096).filter(|fd| unsafe { libc::fcntl(*fd, libc::F_GETFD) } >= 0);
    let open: Vec<String> = open.map(|fd| fd.to_string()).collect();
    println!("descriptors: {}", open.join(" "));
    Ok(())
}

fn send_datagram(port: u16) -> io::Result<usize> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.send_to(b"x", (Ipv4Addr::LOCALHOST, port))
}

fn talk_to_self() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    far.write_all(b"x")?;
    near.read_exact(&mut [0; 1])
}

/// One of a pair may be sent anywhere: it needs no socket of the family to be opened.
fn send_by_pair(path: &str) -> io::Result<usize> {
    UnixDatagram::pair()?.0.send_to(b"x", path)
}

fn connect_abstract(name: &str) -> io::Result<UnixStream> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)
}

fn families() -> io::Result<()> {
    let names = [
        ("vsock", 40),
        ("alg", 38),
        ("packet", 17),
        ("bluetooth", 31),
        ("netlink", 16),
        ("inet", 2),
        ("unix", 1),
    ];
    names.iter().try_for_each(|(name, family)| {
        tell(name, call(libc::SYS_socket, [*family, libc::SOCK_DGRAM as usize, 0]))
    })
}

fn calls() -> io::Result<()> {
    let namespaces = [
        ("new-user", libc::CLONE_NEWUSER),
        ("new-mounts", libc::CLONE_NEWNS),
        ("new-net", libc::CLONE_NEWNET),
    ];
    for (name, flag) in namespaces {
        tell(&format!("unshare-{name}"), call(libc::SYS_unshare, [flag as usize, 0, 0]))?;
        tell(&format!("clone-{name}"), call(libc::SYS_clone, [flag as usize, 0, 0]))?;
    }
    for (name, number) in [
        ("mount", libc::SYS_mount),
        ("umount", libc::SYS_umount2),
        ("pivot_root", libc::SYS_pivot_root),
        ("mount_setattr", libc::SYS_mount_setattr),
        ("setns", libc::SYS_setns),
        ("ptrace", libc::SYS_ptrace),
        ("process_vm_readv", libc::SYS_process_vm_readv),
        ("bpf", libc::SYS_bpf),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("keyctl", libc::SYS_keyctl),
        ("add_key", libc::SYS_add_key),
        ("kexec_load", libc::SYS_kexec_load),
        ("init_module", libc::SYS_init_module),
        ("userfaultfd", libc::SYS_userfaultfd),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("clone3", libc::SYS_clone3),
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("setxattr", libc::SYS_setxattr),
    ] {
        tell(name, call(number, [0, 0, 0]))?;
    }
    Ok(())
}

fn flood(count: usize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let block = [b'x'; 8192];
    let mut left = count;
    while left > 0 {
        let size = left.min(block.len());
        out.write_all(&block[..size])?;
        left -= size;
    }
    out.flush()
}

/// Leaves a process in a session of its own behind, which keeps the output open, and ends at once.
fn daemon() -> io::Result<()> {
    // SAFETY: the child only sleeps; this process has one thread.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: takes no argument.
            unsafe { libc::setsid() };
            // SAFETY: as above.
            if unsafe { libc::fork() } == 0 {
                std::thread::sleep(Duration::from_secs(600));
            }
            std::process::exit(0)
        }
        child => {
            // SAFETY: waits for the child made above, whose status is not asked for.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            println!("started");
            Ok(())
        }
    }
}

fn stubborn() -> io::Result<()> {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        // SAFETY: ignoring a signal installs no code.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    println!("ready");
    std::thread::sleep(Duration::from_secs(600));
    Ok(())
}

/// Every process forks for ever, whatever the system answers.
fn bomb() -> io::Result<()> {
    loop {
        // SAFETY: the child goes on as this process does; there is one thread.
        unsafe { libc::fork() };
    }
}

/// Forks children that stay, until the system refuses or 5000 are there.
fn forks() -> io::Result<()> {
    let mut count = 0;
    while count < 5000 {
        // SAFETY: the child only sleeps; this process has one thread.
        match unsafe { libc::fork() } {
            0 => {
                std::thread::sleep(Duration::from_secs(600));
                std::process::exit(0)
            }
            pid if pid < 0 => break,
            _ => count += 1,
        }
    }
    println!("forks: {count}");
    Ok(())
}
