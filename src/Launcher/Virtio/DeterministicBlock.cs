using System.IO.Hashing;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Snapshots;
using Lguest.Jit.Launcher.Storage;
using Lguest.Jit.Switcher;
using Lguest.Jit.Switcher.Deterministic;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// A disk in deterministic time (design §12.13): what a notify announces is carried out, and complete, a fixed number of ticks later, however
/// long the Host takes for it; the Guest waits there. All of it on the Guest thread.
/// </summary>
/// <remarks>
/// What is written goes to an overlay of this Guest's own, which goes back in time with it, and into a hash: two Guests whose disks began
/// alike, and that wrote the same in the same order, have the same on them.
/// </remarks>
internal sealed class DeterministicBlock : BlockDevice, ITimedEvents, IGuestThreadWork
{
    /// <summary>Ticks from notify to completion: at the usual rate a good disk's 20 µs.</summary>
    public const int Latency = 20_000;

    /// <summary>Bytes after which the Guest, and whoever wants to stop it, gets a turn; the rest is due a tick later.</summary>
    private const ulong BytesAtATime = 4 << 20;

    private readonly GuestMachine _machine;
    private readonly DeterministicClock _clock;
    private readonly OverlayDisk _overlay;
    private readonly List<Announced> _announced = [];
    private ulong _written;
    private bool _notified;

    /// <param name="disk">Kept in <paramref name="overlay"/>.</param>
    /// <param name="overlay">This Guest's own.</param>
    /// <param name="machine">The Guest's, in deterministic time.</param>
    /// <param name="log">Hears of broken drivers.</param>
    public DeterministicBlock(Disk disk, OverlayDisk overlay, GuestMachine machine, DeviceLog log)
        : base(disk, machine.Ram, log)
    {
        _machine = machine;
        _clock = (DeterministicClock)machine.Clock;
        _overlay = overlay;
    }

    /// <summary>The requests before <paramref name="UpTo"/> in the available ring are to be complete at <paramref name="Due"/>.</summary>
    private readonly record struct Announced(long Due, ushort UpTo);

    /// <inheritdoc/>
    public long Due => _announced.Count == 0 ? DeterministicPace.Never : _announced[0].Due;

    /// <inheritdoc/>
    public bool HasWork => _notified;

    /// <summary>The notifying instruction has been completed, and counted: now it is known when the time is up.</summary>
    public void RunOnGuestThread()
    {
        _notified = false;
        if (!IsLive)
        {
            return;
        }

        (ushort offered, ushort taken) = Requests.Progress;
        if (offered == (_announced.Count == 0 ? taken : _announced[^1].UpTo))
        {
            return;
        }

        if (_announced.Count == Virtqueue.MaximumSize)
        {
            Break("an available index that moves on and on");
            return;
        }

        _announced.Add(new Announced(_clock.Ticks(_machine.Retired) + Latency, offered));
    }

    /// <inheritdoc/>
    public void Fire()
    {
        Announced now = _announced[0];
        ulong bytes = 0;
        while (IsLive && Requests.Progress.Taken != now.UpTo && bytes < BytesAtATime && TryTake(out BlockRequest request))
        {
            bytes += request.Length;
            request.AnnounceFill(Ram);
            Executor.Execute(request);
            Note(request);
            Complete(request);
        }

        if (!IsLive)
        {
            _announced.Clear();
            return;
        }

        InterruptFor(Requests);
        if (bytes >= BytesAtATime && Requests.Progress.Taken != now.UpTo)
        {
            _announced[0] = now with { Due = _clock.Ticks(_machine.Retired) + 1 };
        }
        else
        {
            _announced.RemoveAt(0);
        }
    }

    /// <inheritdoc cref="VirtioDevice.ExchangeState"/>
    public override void ExchangeState(StateArchive archive)
    {
        base.ExchangeState(archive);
        archive.Field(ref KnowsFlush);
        archive.Field(ref _written);
        archive.Field(ref _notified);
        int count = archive.Value(_announced.Count);
        for (int i = 0; i < count; i++)
        {
            Announced announced = i < _announced.Count ? _announced[i] : default;
            announced = new Announced(archive.Value(announced.Due), archive.Value(announced.UpTo));
            if (i < _announced.Count)
            {
                _announced[i] = announced;
            }
            else
            {
                _announced.Add(announced);
            }
        }

        _announced.RemoveRange(count, _announced.Count - count);
    }

    /// <inheritdoc/>
    public override void ExchangeOutput(StateArchive archive)
    {
        // Nothing written, nothing said: the hash of a Guest is then as it is without the disk.
        if (_written != 0)
        {
            archive.Field(ref _written);
        }
    }

    /// <inheritdoc/>
    public override void Anchor() => _overlay.Anchor();

    /// <inheritdoc/>
    public override void Rollback() => _overlay.Rollback();

    protected override void Serve(int number) => _notified = true;

    /// <inheritdoc/>
    protected override void Quiesce()
    {
        base.Quiesce();
        _announced.Clear();
        _notified = false;
    }

    /// <summary>What changes the disk goes into the hash, with the place where it does.</summary>
    private void Note(BlockRequest request)
    {
        if (request.Type is not (BlockRequestType.Out or BlockRequestType.Discard or BlockRequestType.WriteZeroes) || request.Status != BlockStatus.Ok)
        {
            return;
        }

        Span<ulong> header = [_written, (ulong)request.Type, request.Sector, request.Length];
        _written = XxHash3.HashToUInt64(System.Runtime.InteropServices.MemoryMarshal.AsBytes(header));
        foreach (HostPiece piece in request.Data)
        {
            _written = XxHash3.HashToUInt64(piece.Bytes, (long)_written);
        }
    }
}
