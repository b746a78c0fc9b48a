namespace Lguest.Jit.Launcher.Storage;

/// <summary>What can go wrong with a disk: Linux's error numbers, which the NBD protocol uses too. The Guest hears of "an I/O error" only.</summary>
internal static class HostError
{
    /// <summary>Nothing went wrong.</summary>
    public const int None = 0;

    /// <summary>EPERM.</summary>
    public const int NotPermitted = 1;

    /// <summary>EINTR: a signal came; try again.</summary>
    public const int Interrupted = 4;

    /// <summary>EIO; also for what has no number.</summary>
    public const int InputOutput = 5;

    /// <summary>EINVAL.</summary>
    public const int Invalid = 22;

    /// <summary>ENOSPC.</summary>
    public const int NoSpace = 28;

    /// <summary>ENOSYS.</summary>
    public const int NoSuchCall = 38;

    /// <summary>ENODATA: the file ended before the disk did. Somebody has truncated it.</summary>
    public const int Truncated = 61;

    /// <summary>EOPNOTSUPP.</summary>
    public const int NotSupported = 95;

    /// <summary>ESHUTDOWN: who serves the disk is gone.</summary>
    public const int Shutdown = 108;

    /// <summary>For people.</summary>
    public static string Describe(int error) => error switch
    {
        NotPermitted => "operation not permitted",
        InputOutput => "input/output error",
        Invalid => "invalid argument",
        NoSpace => "no space left on device",
        Truncated => "the file has become shorter",
        Shutdown => "the server is gone",
        _ => $"error {error}",
    };
}
