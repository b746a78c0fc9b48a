namespace Lguest.Jit.Launcher.Tests.Support;

/// <summary>A stdout whose reader does not read, until it is told to.</summary>
internal sealed class BlockedStream : MemoryStream
{
    private readonly ManualResetEventSlim _open = new(false);

    public void Unblock() => _open.Set();

    public override void Write(byte[] buffer, int offset, int count)
    {
        _open.Wait();
        base.Write(buffer, offset, count);
    }

    protected override void Dispose(bool disposing)
    {
        _open.Set();
        base.Dispose(disposing);
    }
}

/// <summary>A full disk.</summary>
internal sealed class FailingStream : MemoryStream
{
    public override void Write(byte[] buffer, int offset, int count) => throw new IOException("No space left on device");
}
