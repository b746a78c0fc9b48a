using System.Runtime.InteropServices;

namespace Lguest.Jit.Launcher.Console;

/// <summary>
/// Stdout or stderr, straight to write(2). .NET's own console streams will not do: a write to stderr waits for the lock
/// of a write to stdout, so one blocked pipe would silence both; and on a terminal they send it a greeting of their own,
/// where only Guest bytes belong.
/// </summary>
internal sealed unsafe partial class StandardStream : Stream
{
    public const int Output = 1;
    public const int Error = 2;

    private const int Interrupted = 4; // EINTR, everywhere.
    private const int TryAgainLinux = 11;
    private const int TryAgainMac = 35;

    private readonly int _file;
    private readonly bool _tolerant;

    private StandardStream(int file)
    {
        _file = file;

        // If stderr fails there is nobody left to tell.
        _tolerant = file == Error;
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <param name="file"><see cref="Output"/> or <see cref="Error"/>.</param>
    public static Stream Open(int file) => OperatingSystem.IsWindows()
        ? file == Error ? System.Console.OpenStandardError() : System.Console.OpenStandardOutput()
        : new StandardStream(file);

    /// <exception cref="IOException">The Host refuses: disk full, or the reader has gone.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            nint written;
            fixed (byte* start = buffer)
            {
                written = WriteFile(_file, start, (nuint)buffer.Length);
            }

            if (written >= 0)
            {
                buffer = buffer[(int)written..];
            }
            else if (!IsTransient(Marshal.GetLastPInvokeError()))
            {
                return;
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // Nothing is kept back.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <returns>True: try again. False: forget the rest.</returns>
    private bool IsTransient(int error)
    {
        switch (error)
        {
            case Interrupted:
                return true;
            case TryAgainLinux when !OperatingSystem.IsMacOS():
            case TryAgainMac when OperatingSystem.IsMacOS():
                // Somebody who shares this pipe has made it non-blocking. We have a thread to wait with.
                Thread.Sleep(1);
                return true;
            default:
                return _tolerant ? false : throw new IOException(Marshal.GetPInvokeErrorMessage(error));
        }
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteFile(int file, byte* buffer, nuint count);
}
