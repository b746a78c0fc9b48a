namespace Lguest.Jit.Launcher.Net;

/// <summary>
/// The socket in the back of the Guest's network card: the Guest's thread is on one side of it, the threads of a link
/// (<see cref="NetLink"/>) on the other. It outlives the Guest's reboots, as a cable would.
/// </summary>
/// <param name="hasHeader">Frames carry a virtio_net_hdr_v1, because the link understands its offloads.</param>
/// <param name="mtu">Largest packet that the link takes, without its Ethernet header.</param>
internal sealed class NetPort(bool hasHeader, int mtu)
{
    /// <summary>Most that a frame in a ring may be: the largest IP packet, an Ethernet header with a VLAN tag, and a virtio header.</summary>
    public const int MaximumFrame = 65535 + 18 + VirtioNetHeader.Size;

    private const int ReceiveCapacity = 4 << 20;

    private int _news;
    private int _down;
    private volatile bool _wantsRoom;
    private volatile Action? _wake;

    /// <summary>
    /// From the link to the Guest. It holds more than the two megabytes that Linux lets a TCP window grow to: then what a connection may send
    /// fits, and its sender is never made to wait. passt cannot wait: what its socket does not take at once it drops, and notices seconds later.
    /// </summary>
    public FrameRing Received { get; } = new(ReceiveCapacity);

    /// <summary>From the Guest to the link.</summary>
    public FrameRing ToSend { get; } = new();

    /// <summary>Frames in both rings begin with a virtio_net_hdr_v1.</summary>
    public bool HasHeader => hasHeader;

    /// <summary>Bytes.</summary>
    public int Mtu => mtu;

    /// <summary>There is somebody at the other end.</summary>
    public bool IsUp => Volatile.Read(ref _down) == 0;

    /// <summary>Frames have arrived, or room that was wanted, or the link has gone down. Any thread.</summary>
    public bool HasNews => Volatile.Read(ref _news) != 0;

    /// <summary>Called, on the link's threads, when there is news: gets the Guest thread to look.</summary>
    public Action? Wake
    {
        get => _wake;
        set => _wake = value;
    }

    /// <summary>Tells the link which offloads the Guest's driver has agreed to receive. Set by a link that cares.</summary>
    public Action<ulong>? Negotiated { get; set; }

    /// <summary>Told, once, why the link went down. Any thread.</summary>
    public Action<string>? Down { get; set; }

    /// <summary>To be called before looking: what happens after this is news again.</summary>
    public void TakeNews() => Interlocked.Exchange(ref _news, 0);

    /// <summary>Any thread.</summary>
    public void RaiseNews()
    {
        if (Interlocked.Exchange(ref _news, 1) == 0)
        {
            _wake?.Invoke();
        }
    }

    /// <summary>Guest's thread: is there room for so many bytes to send? If not there will be news when there may be.</summary>
    public bool HasRoom(int bytes)
    {
        if (ToSend.Free >= bytes)
        {
            return true;
        }

        _wantsRoom = true;
        Interlocked.MemoryBarrier();
        return ToSend.Free >= bytes;
    }

    /// <summary>Link's thread: so many bytes are on their way.</summary>
    public void Sent(int bytes)
    {
        ToSend.Take(bytes);
        if (_wantsRoom)
        {
            _wantsRoom = false;
            RaiseNews();
        }
    }

    /// <summary>The other end is gone, or not to be understood any more. The first reason is kept. Any thread.</summary>
    public void GoDown(string reason)
    {
        if (Interlocked.Exchange(ref _down, 1) == 0)
        {
            Down?.Invoke(reason);
            RaiseNews();
        }
    }
}
