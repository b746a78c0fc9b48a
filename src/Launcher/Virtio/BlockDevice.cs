using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Storage;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// A disk (virtio 1.1, §5.2; tools/lguest/lguest.c, blk_request and setup_block_file): one queue of requests. What it is and how requests
/// come and go; when they are carried out, and by whom, is for <see cref="VirtioBlock"/> and <see cref="DeterministicBlock"/> to say.
/// </summary>
internal abstract class BlockDevice : VirtioDevice
{
    public const int VirtioId = 2;
    public const ushort PciClass = 0x0180;

    private readonly byte[] _config;
    private readonly Stack<BlockRequest> _spare = new();
    private bool _knowsFlush;

    /// <param name="disk">What it is.</param>
    /// <param name="ram">Where requests are.</param>
    /// <param name="log">Hears of broken drivers.</param>
    protected BlockDevice(Disk disk, GuestRam ram, DeviceLog log)
        : base($"disk {disk.Name}", ram, log, BlockFeatures.For(disk.Store) | FeatureIndirect, queues: 1, BlockConfig.Size)
    {
        Executor = new BlockExecutor(disk);
        _config = BlockConfig.Of(disk.Store);
    }

    /// <summary>Carries requests out.</summary>
    protected BlockExecutor Executor { get; }

    protected Virtqueue Requests => Queue(0);

    /// <summary>Requests that were taken and not yet given back.</summary>
    protected int UnderWay { get; private set; }

    /// <summary>The driver has shown that it knows of a cache: part of the device's state.</summary>
    protected ref bool KnowsFlush => ref _knowsFlush;

    protected override byte ReadConfig(uint offset) => _config[offset];

    protected override void WriteConfig(uint offset, int size, uint value)
    {
        // Nothing in it is the driver's to set: we offer no CONFIG_WCE.
    }

    /// <summary>The next request; false: there is none, or the driver has broken the device.</summary>
    protected bool TryTake(out BlockRequest request)
    {
        request = _spare.TryPop(out BlockRequest? spare) ? spare : new BlockRequest();
        TakeResult result = Requests.TryTake();
        string? defect = result switch
        {
            TakeResult.Broken => Requests.Defect,
            TakeResult.Taken when UnderWay >= Requests.Size => $"more than {Requests.Size} requests under way",
            TakeResult.Taken when !request.TryParse(Requests.Chain, Ram) => "a request without a header, or without a byte for its status",
            _ => null,
        };
        if (defect is not null || result == TakeResult.Empty)
        {
            _spare.Push(request);
            if (defect is not null)
            {
                Break(defect);
            }

            return false;
        }

        // A driver that has not accepted FLUSH must not need one (§5.2.6.2). Linux before 4.6 does not accept it from a modern device, by an
        // oversight, and yet sends flushes: from the first one on we know.
        _knowsFlush |= request.Type == BlockRequestType.Flush || HasAccepted(BlockFeatures.Flush);
        request.Through = !_knowsFlush;
        UnderWay++;
        return true;
    }

    /// <summary>Gives a request back to the driver.</summary>
    protected void Complete(BlockRequest request)
    {
        request.Finish(Ram);
        Requests.Complete(request.Head, request.Filled + 1);
        Drop(request);
    }

    /// <summary>Forgets about a request, without a word to the driver.</summary>
    protected void Drop(BlockRequest request)
    {
        UnderWay--;
        _spare.Push(request);
    }

    /// <inheritdoc/>
    protected override void Quiesce() => _knowsFlush = false;
}
