using System.Runtime.InteropServices;
using Lguest.Jit.Launcher.Virtio;
using Microsoft.Win32.SafeHandles;

namespace Lguest.Jit.Launcher.Console;

/// <summary>
/// The Host's terminal while the Guest has it: no echo, no lines, no signals from keys, for the Guest's own terminal
/// does all that. Put back by <see cref="Dispose"/>, and at exit whatever happens.
/// </summary>
/// <remarks>
/// <c>struct termios</c> differs from system to system; we let libc change it (cfmakeraw) and only carry the bytes. The
/// output flags stay as they were: a Guest that prints bare line feeds is to be readable too.
/// </remarks>
internal sealed unsafe partial class RawTerminal : IDisposable
{
    private const int StandardInput = 0;
    private const int SetNow = 0; // TCSANOW: waiting for output to drain could wait for ever.

    /// <summary>Larger than struct termios anywhere (Linux 60, macOS 72).</summary>
    private const int TermiosBytes = 256;

    private readonly byte[] _original;
    private readonly byte[] _raw;
    private readonly PosixSignalRegistration[] _signals;
    private readonly object _gate = new();
    private bool _restored;

    private RawTerminal(byte[] original, byte[] raw)
    {
        _original = original;
        _raw = raw;
        AppDomain.CurrentDomain.ProcessExit += OnExit;

        // Somebody stops us: the shell gets its terminal as it was, and when we go on we take it again.
        _signals = OperatingSystem.IsWindows() ? [] :
        [
            PosixSignalRegistration.Create(PosixSignal.SIGTSTP, _ => Stop()),
            PosixSignalRegistration.Create(PosixSignal.SIGCONT, Continue),
            PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Resized?.Invoke()),
        ];
        Apply(_raw);
    }

    /// <summary>Is stdin a terminal?</summary>
    public static bool IsTerminal => !System.Console.IsInputRedirected;

    /// <summary>Called when <see cref="Size"/> may have changed; on any thread.</summary>
    public Action? Resized { get; set; }

    /// <summary>Null: it does not say, as a serial line would not.</summary>
    public static TerminalSize? Size
    {
        get
        {
            // struct winsize: rows, columns, and two that nobody fills in.
            ushort* size = stackalloc ushort[4];
            nuint request = OperatingSystem.IsMacOS() ? 0x40087468u : 0x5413u; // TIOCGWINSZ
            return Control(StandardInput, request, size) == 0 && size[0] != 0 && size[1] != 0 ? new TerminalSize(size[1], size[0]) : null;
        }
    }

    /// <summary>Null where there is no terminal, or none that we know how to set.</summary>
    public static RawTerminal? TryEnter()
    {
        if (!IsTerminal || !(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS()))
        {
            return null;
        }

        byte[] original = new byte[TermiosBytes];
        byte[] raw = new byte[TermiosBytes];
        fixed (byte* from = original)
        fixed (byte* to = raw)
        {
            if (GetAttributes(StandardInput, from) != 0)
            {
                return null;
            }

            original.CopyTo(raw, 0);
            MakeRaw(to);
        }

        // c_oflag is the second word: 32 bits on Linux, 64 on macOS.
        int word = OperatingSystem.IsMacOS() ? 8 : 4;
        original.AsSpan(word, word).CopyTo(raw.AsSpan(word));
        return new RawTerminal(original, raw);
    }

    /// <summary>
    /// Stdin as bytes. On a Unix terminal .NET's own stream would edit lines for us, so that one is opened by its number.
    /// </summary>
    public static Stream OpenInput() => IsTerminal && !OperatingSystem.IsWindows()
        ? new FileStream(new SafeFileHandle(StandardInput, ownsHandle: false), FileAccess.Read, bufferSize: 0)
        : System.Console.OpenStandardInput();

    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnExit;
        Array.ForEach(_signals, static signal => signal.Dispose());
        Restore();
    }

    /// <summary>Whoever registers for SIGTSTP has to do the stopping too: .NET does not.</summary>
    private void Stop()
    {
        Apply(_original);
        _ = Kill(Environment.ProcessId, OperatingSystem.IsMacOS() ? 17 : 19); // SIGSTOP
    }

    private void Continue(PosixSignalContext context)
    {
        // Or else .NET puts the terminal back to how it found it, after us.
        context.Cancel = true;
        Apply(_raw);
        Resized?.Invoke();
    }

    private void OnExit(object? sender, EventArgs e) => Restore();

    private void Restore()
    {
        Apply(_original);
        lock (_gate)
        {
            _restored = true;
        }
    }

    private void Apply(byte[] attributes)
    {
        lock (_gate)
        {
            if (_restored)
            {
                return;
            }

            // A terminal that hung up meanwhile refuses; there is nothing left to set then.
            fixed (byte* termios = attributes)
            {
                _ = SetAttributes(StandardInput, SetNow, termios);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetAttributes(int file, byte* termios);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetAttributes(int file, int when, byte* termios);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Control(int file, nuint request, ushort* size);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(byte* termios);
}
