using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Net;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>
/// The network card (virtio 1.0, §5.1; tools/lguest/lguest.c, net_input, net_output, setup_tun_net): queue 0 receives, queue 1
/// sends, each packet behind a virtio_net_hdr_v1.
/// </summary>
/// <remarks>
/// <para>
/// lguest had a thread per queue that read and wrote the tap device straight out of Guest memory. Here the threads of the
/// link move bytes between the Host and two rings, and this device, on the Guest's thread, between the rings and Guest memory:
/// that costs one copy, and in return no other thread ever writes where translated code may run, and what was checked
/// of a frame cannot change behind our back.
/// </para>
/// <para>
/// A link takes packets as large as its MTU says, whatever the Guest thinks its own to be. A TCP packet that the driver wants
/// cut up (TSO) goes in one piece where it fits: passt, which hands the bytes to a socket anyway, is glad not to see
/// them in pieces.
/// </para>
/// </remarks>
internal sealed class VirtioNet : VirtioDevice, IGuestThreadWork, IDisposable
{
    public const int VirtioId = 1;
    public const ushort PciClass = 0x0200;

    public const int ReceiveQueue = 0;
    public const int TransmitQueue = 1;

    public const ulong FeatureChecksum = 1 << 0;
    public const ulong FeatureGuestChecksum = 1 << 1;
    public const ulong FeatureMtu = 1 << 3;
    public const ulong FeatureMac = 1 << 5;
    public const ulong FeatureGuestTso = 7 << 7; // TSO4, TSO6, ECN
    public const ulong FeatureHostTso = 7 << 11; // likewise
    public const ulong FeatureMergeBuffers = 1 << 15;
    public const ulong FeatureStatus = 1 << 16;

    /// <summary>u8 mac[6], u16 status, u16 max_virtqueue_pairs, u16 mtu.</summary>
    private const uint ConfigurationSize = 12;
    private const int ConfigStatus = 6;
    private const int ConfigPairs = 8;
    private const int ConfigMtu = 10;

    /// <summary>Frames carried to the Guest in one visit. It should get a word in.</summary>
    private const int MostAtOnce = 256;

    private readonly NetPort _port;
    private readonly MacAddress _mac;
    private readonly NetTransmitter _transmitter;
    private readonly NetReceiver _receiver;
    private bool _linkIsUp;
    private bool _waitsForRoom;
    private long _received;

    /// <param name="ram">Where the rings and buffers are.</param>
    /// <param name="log">Hears of broken drivers.</param>
    /// <param name="port">What the card is connected to.</param>
    /// <param name="mac">Its address.</param>
    public VirtioNet(GuestRam ram, DeviceLog log, NetPort port, MacAddress mac)
        : base("net", ram, log, Offered, queues: 2, ConfigurationSize)
    {
        _port = port;
        _mac = mac;
        _transmitter = new NetTransmitter(ram, port);
        _receiver = new NetReceiver(ram, port);
        _linkIsUp = port.IsUp;
        port.Wake = () => Knock?.Invoke();
    }

    /// <inheritdoc/>
    public bool HasWork => _port.HasNews;

    /// <inheritdoc/>
    public override string Details =>
        $", {_mac}, link {(_linkIsUp ? "up" : "down")}, {_received} frames received, {_port.Received.Count} bytes wait for the Guest and {_port.ToSend.Count} for the Host";

    private static ulong Offered =>
        FeatureChecksum | FeatureGuestChecksum | FeatureMtu | FeatureMac | FeatureGuestTso | FeatureHostTso | FeatureMergeBuffers | FeatureStatus;

    /// <inheritdoc/>
    public void RunOnGuestThread()
    {
        _port.TakeNews();
        if (_linkIsUp != _port.IsUp)
        {
            _linkIsUp = _port.IsUp;
            ConfigChanged();
        }

        Receive();
        if (_waitsForRoom && IsLive)
        {
            Transmit();
        }
    }

    /// <summary>The Guest has ended; the port is there for the next one.</summary>
    public void Dispose() => _port.Wake = null;

    protected override void Started()
    {
        _waitsForRoom = false;
        _port.Negotiated?.Invoke(Accepted);
    }

    protected override void Serve(int number)
    {
        if (number == TransmitQueue)
        {
            Transmit();
        }
        else
        {
            Receive();
        }
    }

    protected override byte ReadConfig(uint offset) => (int)offset switch
    {
        < MacAddress.Size => _mac[(int)offset],
        ConfigStatus => (byte)(_linkIsUp ? 1 : 0),
        ConfigPairs => 1,
        ConfigMtu => (byte)_port.Mtu,
        ConfigMtu + 1 => (byte)(_port.Mtu >> 8),
        _ => 0,
    };

    protected override void WriteConfig(uint offset, int size, uint value)
    {
        // With virtio 1.0 all of it is the device's to write.
    }

    private void Transmit()
    {
        Virtqueue queue = Queue(TransmitQueue);
        _waitsForRoom = false;

        // A driver cannot have more chains under way than the ring has entries, and it does not run while we do.
        for (int i = 0; i < queue.Size; i++)
        {
            if (!_port.HasRoom(Segmenter.MaximumBurst))
            {
                _waitsForRoom = true;
                break;
            }

            if (!TryTake(queue, out DescriptorChain chain))
            {
                break;
            }

            if (!chain.Writable.IsEmpty)
            {
                Break("a buffer to write in the transmit queue");
                return;
            }

            if (_linkIsUp)
            {
                _transmitter.Send(chain, Accepted);
            }

            queue.Complete(chain.Head, 0);
        }

        InterruptFor(queue);
    }

    private void Receive()
    {
        Virtqueue queue = Queue(ReceiveQueue);
        int i = 0;
        while (i < MostAtOnce && _receiver.TryPeekFrame(out int length))
        {
            // Nobody listens: what comes now is lost, as on any wire.
            ReceiveResult result = IsLive ? _receiver.Deliver(queue, length, Accepted) : ReceiveResult.Dropped;
            if (result == ReceiveResult.Broken)
            {
                Break(_receiver.Defect);
                return;
            }

            // Frames wait in the ring until the driver brings buffers, and says so. When the ring is full they wait at the Host.
            if (result == ReceiveResult.NoBuffers)
            {
                break;
            }

            _receiver.Done(length);
            _received += result == ReceiveResult.Delivered ? 1 : 0;
            i++;
        }

        if (i == MostAtOnce)
        {
            _port.RaiseNews();
        }

        InterruptFor(queue);
    }
}
