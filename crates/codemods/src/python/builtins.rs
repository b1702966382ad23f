//! Names that Python knows without an import, and what the linter holds to be immutable.

/// Builtins and module attributes that always exist, sorted. Source: the language reference, up to Python 3.14;
/// names of later versions count as known, because a false alarm is worse than a miss.
static BUILTINS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BaseExceptionGroup",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "BytesWarning",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "DeprecationWarning",
    "EOFError",
    "Ellipsis",
    "EncodingWarning",
    "EnvironmentError",
    "Exception",
    "ExceptionGroup",
    "False",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "FutureWarning",
    "GeneratorExit",
    "IOError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "None",
    "NotADirectoryError",
    "NotImplemented",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "PermissionError",
    "ProcessLookupError",
    "PythonFinalizationError",
    "RecursionError",
    "ReferenceError",
    "ResourceWarning",
    "RuntimeError",
    "RuntimeWarning",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "SystemExit",
    "TabError",
    "TimeoutError",
    "True",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UnicodeTranslateError",
    "UnicodeWarning",
    "UserWarning",
    "ValueError",
    "Warning",
    "WindowsError",
    "ZeroDivisionError",
    "__annotate__",
    "__annotations__",
    "__build_class__",
    "__builtins__",
    "__cached__",
    "__debug__",
    "__doc__",
    "__file__",
    "__import__",
    "__loader__",
    "__name__",
    "__package__",
    "__spec__",
    "__warningregistry__",
    "abs",
    "aiter",
    "all",
    "anext",
    "any",
    "ascii",
    "bin",
    "bool",
    "breakpoint",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "compile",
    "complex",
    "copyright",
    "credits",
    "delattr",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "exit",
    "filter",
    "float",
    "format",
    "frozenset",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "help",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "license",
    "list",
    "locals",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "quit",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
];

/// Whether the name exists without an import.
pub(crate) fn is_builtin(name: &str) -> bool {
    BUILTINS.binary_search(&name).is_ok()
}

/// All names that exist without an import, sorted.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().copied()
}

/// Whether a call of this function makes a new mutable container (B006; such calls are not B008).
pub(crate) fn makes_mutable(path: &[&str]) -> bool {
    matches!(
        path,
        ["" | "builtins", "dict" | "list" | "set"]
            | ["collections", "Counter" | "OrderedDict" | "defaultdict" | "deque"]
    )
}

/// Whether a call of this function gives an immutable value, so that B008 allows it as a default.
pub(crate) fn makes_immutable(path: &[&str]) -> bool {
    matches!(
        path,
        ["datetime", "date" | "datetime" | "time" | "timedelta" | "timezone" | "tzinfo"]
            | ["decimal", "Decimal"]
            | ["fractions", "Fraction"]
            | ["operator", "attrgetter" | "itemgetter" | "methodcaller"]
            | ["pathlib", "Path"]
            | ["types", "MappingProxyType"]
            | ["re", "compile"]
            | [
                "",
                "bool"
                    | "bytes"
                    | "complex"
                    | "float"
                    | "frozenset"
                    | "int"
                    | "range"
                    | "str"
                    | "tuple"
                    | "slice"
            ]
    )
}

/// Whether an annotation with this type says that the parameter is not mutated.
pub(crate) fn is_immutable_type(path: &[&str]) -> bool {
    matches!(
        path,
        ["collections", "abc", "Sized"]
            | ["typing", "LiteralString" | "Sized"]
            | ["", "bool" | "bytes" | "complex" | "float" | "int" | "object" | "range" | "str"]
    ) || is_immutable_generic(path)
}

/// The same for generic types, which may stand before `[...]`.
pub(crate) fn is_immutable_generic(path: &[&str]) -> bool {
    match path {
        ["" | "builtins", "frozenset" | "tuple"] => true,
        ["collections", "abc", name] => matches!(
            *name,
            "ByteString"
                | "Collection"
                | "Container"
                | "Iterable"
                | "Mapping"
                | "Reversible"
                | "Sequence"
                | "Set"
        ),
        ["typing", name] => matches!(
            *name,
            "AbstractSet"
                | "ByteString"
                | "Callable"
                | "Collection"
                | "Container"
                | "FrozenSet"
                | "Iterable"
                | "Literal"
                | "Mapping"
                | "Never"
                | "NoReturn"
                | "Reversible"
                | "Sequence"
                | "Tuple"
        ),
        _ => false,
    }
}

/// Whether `path[...]` outside of an annotation holds types, so that strings in it are names (`Optional["A"]`).
pub(crate) fn holds_types(path: &[&str]) -> bool {
    match path {
        ["" | "builtins", name] => matches!(*name, "dict" | "frozenset" | "list" | "set" | "tuple" | "type"),
        ["collections", name] => {
            matches!(*name, "ChainMap" | "Counter" | "OrderedDict" | "defaultdict" | "deque")
        }
        ["collections", "abc", name] => is_abstract_container(name),
        ["contextlib", name] => matches!(*name, "AbstractAsyncContextManager" | "AbstractContextManager"),
        ["re", name] => matches!(*name, "Match" | "Pattern"),
        ["typing", name] => is_typing_generic(name) || is_abstract_container(name),
        ["typing_extensions", name] => matches!(
            *name,
            "AsyncContextManager"
                | "AsyncGenerator"
                | "AsyncIterable"
                | "AsyncIterator"
                | "Awaitable"
                | "ChainMap"
                | "ClassVar"
                | "Concatenate"
                | "ContextManager"
                | "Coroutine"
                | "Counter"
                | "DefaultDict"
                | "Deque"
                | "Type"
        ),
        ["weakref", name] => matches!(*name, "WeakKeyDictionary" | "WeakSet" | "WeakValueDictionary"),
        _ => false,
    }
}

fn is_abstract_container(name: &str) -> bool {
    matches!(
        name,
        "AsyncGenerator"
            | "AsyncIterable"
            | "AsyncIterator"
            | "Awaitable"
            | "ByteString"
            | "Callable"
            | "Collection"
            | "Container"
            | "Coroutine"
            | "Generator"
            | "ItemsView"
            | "Iterable"
            | "Iterator"
            | "KeysView"
            | "Mapping"
            | "MappingView"
            | "MutableMapping"
            | "MutableSequence"
            | "MutableSet"
            | "Reversible"
            | "Sequence"
            | "Set"
            | "ValuesView"
    )
}

fn is_typing_generic(name: &str) -> bool {
    matches!(
        name,
        "AbstractSet"
            | "AsyncContextManager"
            | "BinaryIO"
            | "ChainMap"
            | "ClassVar"
            | "Concatenate"
            | "ContextManager"
            | "Counter"
            | "DefaultDict"
            | "Deque"
            | "Dict"
            | "Final"
            | "FrozenSet"
            | "Generic"
            | "IO"
            | "List"
            | "Match"
            | "Optional"
            | "OrderedDict"
            | "Pattern"
            | "TextIO"
            | "Tuple"
            | "Type"
            | "TypeGuard"
            | "Union"
            | "Unpack"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(BUILTINS.is_sorted());
        assert!(is_builtin("zip") && is_builtin("ArithmeticError") && !is_builtin("unicode"));
    }
}
