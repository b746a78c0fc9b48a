using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Storage;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// A disk in Host time: requests are carried out by threads of their own, several at once, and brought back to the Guest between two runs of
/// the engine, with one interrupt for all that have come by then.
/// </summary>
/// <remarks>
/// <para>
/// The data goes straight between Guest RAM and the Host's kernel while the Guest runs, as it does with a real disk: a driver that
/// looks at a buffer before it is given back sees anything. What a read brings may hit code that has been translated; that is
/// found out when the request is given back, on the Guest thread, before the driver can know that it is there. Rings, status and
/// interrupts are the Guest thread's alone.
/// </para>
/// <para>Reset and end wait for what is under way: nobody writes into RAM that a driver has taken back.</para>
/// </remarks>
internal sealed class VirtioBlock : BlockDevice, IGuestThreadWork, IDisposable
{
    /// <summary>How long a request may take when somebody wants an end. A file never does; a server may.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly BlockWorkers _workers;
    private readonly Disk _disk;
    private bool _disposed;

    /// <inheritdoc cref="BlockDevice(Disk, GuestRam, DeviceLog)"/>
    public VirtioBlock(Disk disk, GuestRam ram, DeviceLog log)
        : base(disk, ram, log)
    {
        _disk = disk;
        _workers = new BlockWorkers($"disk {disk.Name}", Executor.Execute, () => Knock?.Invoke());
    }

    /// <inheritdoc/>
    public bool HasWork => _workers.HasFinished;

    /// <inheritdoc/>
    public void RunOnGuestThread()
    {
        foreach (BlockRequest request in _workers.TakeFinished())
        {
            if (IsLive)
            {
                Complete(request);
            }
            else
            {
                Drop(request);
            }
        }

        if (IsLive)
        {
            InterruptFor(Requests);
        }
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Drain();
            _workers.Stop();
        }
    }

    protected override void Serve(int number)
    {
        // As many as a driver can have ready; it does not run while we do.
        for (int i = 0; i < Requests.Size && TryTake(out BlockRequest request); i++)
        {
            _workers.Submit(request);
        }
    }

    /// <inheritdoc/>
    protected override void Quiesce()
    {
        Drain();
        base.Quiesce();
    }

    private void Drain()
    {
        if (!_workers.TryDrain(s_patience))
        {
            _disk.Store.Abort();
            _ = _workers.TryDrain(TimeSpan.MaxValue);
        }

        foreach (BlockRequest request in _workers.TakeFinished())
        {
            Drop(request);
        }
    }
}
