using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Lguest.Jit.Switcher.Time;

/// <summary>
/// Linux: a timerfd. The kernel's high-resolution timer wakes the waiting thread within some tens of microseconds, and
/// moving it is one system call that wakes nobody.
/// </summary>
internal sealed unsafe partial class TimerFd : DueTimer
{
    private const int ClockMonotonic = 1;
    private const int CloseOnExec = 0x80000;
    private const int Interrupted = 4;
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly SafeFileHandle _timer;

    /// <exception cref="Win32Exception">The kernel gives no timer.</exception>
    public TimerFd()
    {
        _timer = Create(ClockMonotonic, CloseOnExec);
        if (_timer.IsInvalid)
        {
            throw new Win32Exception();
        }
    }

    /// <summary>struct itimerspec below is that of a 64-bit process.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    /// <inheritdoc/>
    public override void Set(long due)
    {
        // Zero would disarm it; a moment in the past is one nanosecond ahead.
        long delta = due == Never ? 0 : Math.Max(1, due - MonotonicTime.Now);
        var setting = new Setting { Seconds = delta / NanosecondsPerSecond, Nanoseconds = delta % NanosecondsPerSecond };
        if (SetTime(_timer, 0, &setting, null) != 0)
        {
            throw new Win32Exception();
        }
    }

    /// <inheritdoc/>
    public override void Wait()
    {
        ulong expirations;
        if (Read(_timer, &expirations, sizeof(ulong)) < 0 && Marshal.GetLastPInvokeError() != Interrupted)
        {
            throw new Win32Exception();
        }
    }

    public override void Dispose() => _timer.Dispose();

    /// <summary>struct itimerspec: the interval stays zero, one shot.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Setting
    {
        public long IntervalSeconds;
        public long IntervalNanoseconds;
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "timerfd_create", SetLastError = true)]
    private static partial SafeFileHandle Create(int clock, int flags);

    [LibraryImport("libc", EntryPoint = "timerfd_settime", SetLastError = true)]
    private static partial int SetTime(SafeFileHandle timer, int flags, Setting* setting, Setting* old);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle file, void* buffer, nuint count);
}
