using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Net;

/// <summary>A tap device: the Guest's card is one end of a cable, an interface of the Host the other, and its kernel understands the card's offloads.</summary>
internal sealed class TapLink : NetLink
{
    private readonly TapDevice _device;

    private TapLink(TapDevice device, NetPort port)
        : base(port, "tap")
    {
        _device = device;
        port.Negotiated = device.SetOffloads;
    }

    /// <inheritdoc/>
    public override string Description => $"tap device {_device.Name}";

    /// <exception cref="LoadException">There is no such device, or it is not ours to use.</exception>
    public static TapLink Open(NetOptions options)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new LoadException($"--net tap:{options.Tap}: there are tap devices on Linux only");
        }

        return new TapLink(TapDevice.Open(options.Tap), new NetPort(hasHeader: true, options.EffectiveMtu));
    }

    protected override string Receive()
    {
        FrameRing ring = Port.Received;
        while (ring.WaitForRoom(FrameRing.Prefix + NetPort.MaximumFrame))
        {
            Span<byte> first = ring.RoomFrom(FrameRing.Prefix, NetPort.MaximumFrame);
            Span<byte> second = ring.RoomFrom(FrameRing.Prefix + first.Length, NetPort.MaximumFrame - first.Length);
            int length = _device.Read(first, second);
            if (length == 0 && !_device.WaitForFrame())
            {
                break;
            }

            if (length > 0)
            {
                ring.StorePrefix(0, length);
                ring.Put(FrameRing.Prefix + length);
                Port.RaiseNews();
            }
        }

        return "";
    }

    protected override string Send()
    {
        FrameRing ring = Port.ToSend;
        byte[] scratch = new byte[NetPort.MaximumFrame];
        while (ring.WaitForFilled())
        {
            _ = ring.TryPeekLength(out uint length);
            ReadOnlySpan<byte> frame = ring.Peek(FrameRing.Prefix, (int)length);
            if (frame.Length < length)
            {
                ring.Copy(FrameRing.Prefix, scratch.AsSpan(0, (int)length));
                frame = scratch.AsSpan(0, (int)length);
            }

            if (!_device.Write(frame))
            {
                break;
            }

            Port.Sent(FrameRing.Prefix + (int)length);
        }

        return "";
    }

    protected override void Hangup() => _device.Wake();

    protected override void Free() => _device.Dispose();
}
