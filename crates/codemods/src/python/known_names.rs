//! Well-known names and where they are imported from. Facts only: which to use is decided in `undefined_name`.

/// A module of the standard library that nobody uses as the name of a variable: `name.x` means the module.
pub(super) fn is_plain_module(name: &str) -> bool {
    matches!(
        name,
        "abc"
            | "argparse"
            | "ast"
            | "asyncio"
            | "atexit"
            | "base64"
            | "binascii"
            | "bisect"
            | "builtins"
            | "codecs"
            | "collections"
            | "configparser"
            | "contextlib"
            | "contextvars"
            | "csv"
            | "ctypes"
            | "dataclasses"
            | "decimal"
            | "difflib"
            | "errno"
            | "fnmatch"
            | "fractions"
            | "functools"
            | "gc"
            | "getpass"
            | "glob"
            | "gzip"
            | "hashlib"
            | "heapq"
            | "hmac"
            | "importlib"
            | "inspect"
            | "io"
            | "ipaddress"
            | "itertools"
            | "json"
            | "keyword"
            | "linecache"
            | "locale"
            | "logging"
            | "math"
            | "mimetypes"
            | "multiprocessing"
            | "numbers"
            | "operator"
            | "os"
            | "pathlib"
            | "pickle"
            | "pkgutil"
            | "posixpath"
            | "pprint"
            | "random"
            | "re"
            | "reprlib"
            | "secrets"
            | "shlex"
            | "shutil"
            | "smtplib"
            | "socketserver"
            | "sqlite3"
            | "ssl"
            | "statistics"
            | "struct"
            | "subprocess"
            | "sys"
            | "sysconfig"
            | "tarfile"
            | "tempfile"
            | "textwrap"
            | "threading"
            | "timeit"
            | "tokenize"
            | "tomllib"
            | "traceback"
            | "tracemalloc"
            | "typing"
            | "unicodedata"
            | "unittest"
            | "uuid"
            | "warnings"
            | "weakref"
            | "webbrowser"
            | "zipfile"
            | "zipimport"
            | "zlib"
            | "zoneinfo"
    )
}

/// A module whose name is also a common variable: only these attributes tell that the module is meant.
pub(super) fn is_attribute_of_module(module: &str, attribute: &str) -> bool {
    let attributes: &[&str] = match module {
        "calendar" => &["monthrange", "timegm", "month_name", "day_name", "isleap"],
        "copy" => &["copy", "deepcopy"],
        "datetime" => &["UTC", "date", "datetime", "time", "timedelta", "timezone", "tzinfo"],
        "enum" => &["Enum", "Flag", "IntEnum", "IntFlag", "StrEnum", "auto", "unique"],
        "platform" => {
            &["machine", "platform", "python_implementation", "python_version", "release", "system"]
        }
        "queue" => &["Empty", "Full", "LifoQueue", "PriorityQueue", "Queue", "SimpleQueue"],
        "select" => &["epoll", "poll", "select"],
        "signal" => &["SIGHUP", "SIGINT", "SIGKILL", "SIGTERM", "Signals", "alarm", "signal"],
        "socket" => &[
            "AF_INET",
            "AF_INET6",
            "SOCK_DGRAM",
            "SOCK_STREAM",
            "create_connection",
            "gethostname",
            "socket",
        ],
        "stat" => &["S_IMODE", "S_ISDIR", "S_ISLNK", "S_ISREG", "S_IXUSR"],
        "string" => &[
            "Template",
            "ascii_letters",
            "ascii_lowercase",
            "ascii_uppercase",
            "digits",
            "hexdigits",
            "printable",
            "punctuation",
            "whitespace",
        ],
        "time" => &[
            "localtime",
            "gmtime",
            "mktime",
            "monotonic",
            "perf_counter",
            "process_time",
            "sleep",
            "strftime",
            "strptime",
            "time",
            "time_ns",
        ],
        "types" => &[
            "FunctionType",
            "GenericAlias",
            "MappingProxyType",
            "MethodType",
            "ModuleType",
            "NoneType",
            "SimpleNamespace",
            "TracebackType",
        ],
        _ => &[],
    };
    attributes.contains(&attribute)
}

/// A package whose submodule must be imported by its full name: `package.submodule`.
pub(super) fn is_submodule(package: &str, submodule: &str) -> bool {
    let submodules: &[&str] = match package {
        "collections" => &["abc"],
        "concurrent" => &["futures"],
        "email" => &["message", "mime", "parser", "policy", "utils"],
        "html" => &["entities", "parser"],
        "http" => &["client", "cookiejar", "cookies", "server"],
        "importlib" => &["abc", "machinery", "metadata", "resources", "util"],
        "logging" => &["config", "handlers"],
        "multiprocessing" => &["pool", "shared_memory"],
        "unittest" => &["mock"],
        "urllib" => &["error", "parse", "request", "robotparser"],
        "wsgiref" => &["simple_server", "util"],
        "xml" => &["dom", "etree", "sax"],
        _ => &[],
    };
    submodules.contains(&submodule)
}

/// The module that exports a well-known name; `None` for names that several modules or many projects define.
pub(super) fn home_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "ABC" | "ABCMeta" | "abstractmethod" => "abc",
        "ArgumentParser" => "argparse",
        "ChainMap" | "Counter" | "OrderedDict" | "defaultdict" | "deque" | "namedtuple" => "collections",
        "AsyncExitStack"
        | "ExitStack"
        | "asynccontextmanager"
        | "closing"
        | "contextmanager"
        | "nullcontext"
        | "redirect_stderr"
        | "redirect_stdout"
        | "suppress" => "contextlib",
        "ContextVar" => "contextvars",
        "deepcopy" => "copy",
        "asdict" | "astuple" | "dataclass" => "dataclasses",
        "timedelta" => "datetime",
        "Decimal" | "InvalidOperation" | "ROUND_HALF_UP" => "decimal",
        "Enum" | "IntEnum" | "IntFlag" | "StrEnum" => "enum",
        "Fraction" => "fractions",
        "cached_property" | "cmp_to_key" | "lru_cache" | "partial" | "partialmethod" | "reduce"
        | "singledispatch" | "total_ordering" | "wraps" => "functools",
        "import_module" => "importlib",
        "BytesIO" | "StringIO" | "TextIOWrapper" => "io",
        "accumulate" | "chain" | "combinations" | "groupby" | "islice" | "permutations" | "starmap"
        | "takewhile" | "zip_longest" => "itertools",
        "attrgetter" | "itemgetter" | "methodcaller" => "operator",
        "Path" | "PosixPath" | "PurePath" | "PurePosixPath" | "PureWindowsPath" => "pathlib",
        "pprint" => "pprint",
        "CalledProcessError" | "Popen" | "TimeoutExpired" => "subprocess",
        "NamedTemporaryFile" | "TemporaryDirectory" | "mkdtemp" => "tempfile",
        "dedent" => "textwrap",
        "MappingProxyType" | "ModuleType" | "SimpleNamespace" | "TracebackType" => "types",
        "Annotated" | "Any" | "AnyStr" | "Awaitable" | "Callable" | "ClassVar" | "Collection"
        | "Concatenate" | "Coroutine" | "DefaultDict" | "Deque" | "Dict" | "Final" | "FrozenSet"
        | "Generator" | "Generic" | "Hashable" | "IO" | "Iterable" | "Iterator" | "List" | "Literal"
        | "Mapping" | "MutableMapping" | "MutableSequence" | "NamedTuple" | "NewType" | "NoReturn"
        | "Optional" | "ParamSpec" | "Protocol" | "Sequence" | "Set" | "Sized" | "SupportsInt"
        | "TYPE_CHECKING" | "Text" | "TextIO" | "Tuple" | "Type" | "TypeAlias" | "TypeGuard" | "TypeVar"
        | "TypedDict" | "Union" | "get_type_hints" | "overload" | "runtime_checkable" | "AsyncIterator"
        | "AsyncGenerator" | "AsyncIterable" | "AbstractSet" => "typing",
        "MagicMock" => "unittest.mock",
        "parse_qs" | "parse_qsl" | "quote_plus" | "unquote" | "urlencode" | "urljoin" | "urlparse"
        | "urlsplit" | "urlunparse" | "urlunsplit" => "urllib.parse",
        "uuid4" => "uuid",
        "WeakKeyDictionary" | "WeakSet" | "WeakValueDictionary" => "weakref",
        "ZipFile" => "zipfile",
        "ZoneInfo" => "zoneinfo",
        _ => return None,
    })
}

/// What a builtin of Python 2 is called in Python 3; `Some(None)` when it has no plain successor.
pub(super) fn python_2(name: &str) -> Option<Option<&'static str>> {
    Some(match name {
        "xrange" => Some("range"),
        "raw_input" => Some("input"),
        "unichr" => Some("chr"),
        "unicode" | "basestring" | "long" | "cmp" | "file" | "execfile" | "reload" | "buffer" | "apply"
        | "intern" | "coerce" => None,
        _ => return None,
    })
}

/// Whether the first part of a module's path is in the standard library (for the place of its import).
pub(super) fn is_standard(module: &str) -> bool {
    let root = module.split('.').next().unwrap_or(module);
    is_plain_module(root)
        || matches!(
            root,
            "__future__"
                | "calendar"
                | "cmath"
                | "code"
                | "colorsys"
                | "concurrent"
                | "copy"
                | "copyreg"
                | "curses"
                | "datetime"
                | "dis"
                | "doctest"
                | "email"
                | "enum"
                | "faulthandler"
                | "fcntl"
                | "filecmp"
                | "fileinput"
                | "ftplib"
                | "getopt"
                | "gettext"
                | "graphlib"
                | "html"
                | "http"
                | "imaplib"
                | "lzma"
                | "mailbox"
                | "marshal"
                | "mmap"
                | "netrc"
                | "ntpath"
                | "optparse"
                | "pdb"
                | "platform"
                | "plistlib"
                | "poplib"
                | "posix"
                | "profile"
                | "pstats"
                | "pty"
                | "pwd"
                | "py_compile"
                | "pyclbr"
                | "pydoc"
                | "queue"
                | "quopri"
                | "readline"
                | "resource"
                | "rlcompleter"
                | "runpy"
                | "sched"
                | "select"
                | "selectors"
                | "shelve"
                | "signal"
                | "site"
                | "socket"
                | "stat"
                | "string"
                | "stringprep"
                | "symtable"
                | "syslog"
                | "tabnanny"
                | "termios"
                | "test"
                | "time"
                | "tkinter"
                | "token"
                | "trace"
                | "tty"
                | "turtle"
                | "types"
                | "urllib"
                | "wave"
                | "wsgiref"
                | "xml"
                | "xmlrpc"
                | "bz2"
                | "cProfile"
                | "cmd"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_reads_as_a_variable_is_a_module_only_with_a_known_attribute() {
        assert!(!is_plain_module("time") && is_attribute_of_module("time", "sleep"));
        assert!(!is_attribute_of_module("time", "hour"));
        assert!(is_submodule("os", "path") == is_submodule("sys", "path"));
    }
}
