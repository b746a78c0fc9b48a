using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Net;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>What became of a frame.</summary>
internal enum ReceiveResult
{
    Delivered,

    /// <summary>It does not fit what the driver offers for each.</summary>
    Dropped,

    /// <summary>The driver has offered too little yet; the frame stays.</summary>
    NoBuffers,

    /// <summary>The queue is nonsense.</summary>
    Broken,
}

/// <summary>The receiving half of the network card: out of the port's ring into Guest memory.</summary>
/// <param name="ram">Where the buffers are.</param>
/// <param name="port">Where frames come from.</param>
internal sealed class NetReceiver(GuestRam ram, NetPort port)
{
    private readonly ChainWriter _writer = new(ram);
    private readonly (ushort Head, uint Length)[] _chains = new (ushort, uint)[Virtqueue.MaximumSize];
    private readonly byte[] _headers = new byte[FrameLayout.LongestHeaders];

    /// <summary>Why the queue is nonsense.</summary>
    public string Defect { get; private set; } = "";

    /// <summary>Is there a whole frame? One with an impossible length is the end of the link: nobody knows where the next one begins.</summary>
    /// <param name="length">Bytes, with its header if the port has headers.</param>
    public bool TryPeekFrame(out int length)
    {
        bool any = port.Received.TryPeekLength(out uint announced);
        length = (int)announced;
        int least = port.HasHeader ? VirtioNetHeader.Size + 1 : 1;
        if (any && (announced < least || announced > NetPort.MaximumFrame))
        {
            if (port.IsUp)
            {
                port.GoDown($"a frame of {announced} bytes was announced");
            }

            return false;
        }

        return any && port.Received.Count >= FrameRing.Prefix + length;
    }

    /// <summary>The frame has been dealt with.</summary>
    public void Done(int length) => port.Received.Take(FrameRing.Prefix + length);

    /// <summary>Writes it into as many buffers as it takes, and gives them back all together, or none.</summary>
    /// <param name="queue">Whose.</param>
    /// <param name="length">From <see cref="TryPeekFrame"/>.</param>
    /// <param name="features">What the driver has agreed to.</param>
    public ReceiveResult Deliver(Virtqueue queue, int length, ulong features)
    {
        int skip = FrameRing.Prefix + (port.HasHeader ? VirtioNetHeader.Size : 0);
        int frame = length - (skip - FrameRing.Prefix);
        bool merge = (features & VirtioNet.FeatureMergeBuffers) != 0;
        Span<byte> header = stackalloc byte[VirtioNetHeader.Size];
        WriteHeader(header, skip, frame, features);

        Span<uint> countAt = stackalloc uint[2];
        int chains = 0;
        int done = 0;
        while (chains == 0 || (done < frame && merge))
        {
            TakeResult taken = chains < queue.Size ? queue.TryTake() : TakeResult.Empty;
            if (taken != TakeResult.Taken || !queue.Chain.Readable.IsEmpty)
            {
                Defect = taken == TakeResult.Broken ? queue.Defect : "a buffer to read in the receive queue";
                queue.Untake(chains);
                return taken != TakeResult.Empty ? ReceiveResult.Broken : chains == queue.Size ? ReceiveResult.Dropped : ReceiveResult.NoBuffers;
            }

            _writer.Start(queue.Chain);
            if (chains == 0 && !TryWriteHeader(header, countAt))
            {
                // No room for the header even. The buffer stays where it is, for a driver that gets over it.
                queue.Untake(1);
                return ReceiveResult.Dropped;
            }

            done += WriteFrame(skip + done, frame - done);
            _chains[chains++] = (queue.Chain.Head, _writer.Written);
        }

        if (done < frame)
        {
            queue.Untake(chains);
            return ReceiveResult.Dropped;
        }

        ReadOnlySpan<byte> count = [(byte)chains, (byte)(chains >> 8)];
        ram.TryWrite(countAt[0], count[..1]);
        ram.TryWrite(countAt[1], count[1..]);
        for (int i = 0; i < chains; i++)
        {
            queue.Complete(_chains[i].Head, _chains[i].Length);
        }

        return ReceiveResult.Delivered;
    }

    /// <summary>All but num_buffers, which is known only when all has been written: <paramref name="countAt"/> says where its two bytes go.</summary>
    private bool TryWriteHeader(ReadOnlySpan<byte> header, Span<uint> countAt)
    {
        if (_writer.Write(header[..VirtioNetHeader.NumBuffers]) < VirtioNetHeader.NumBuffers)
        {
            return false;
        }

        for (int i = 0; i < 2; i++)
        {
            if (!_writer.TryPlace(out countAt[i]))
            {
                return false;
            }

            _writer.Write(header.Slice(VirtioNetHeader.NumBuffers + i, 1));
        }

        return true;
    }

    private int WriteFrame(int offset, int length)
    {
        int done = 0;
        while (done < length)
        {
            ReadOnlySpan<byte> piece = port.Received.Peek(offset + done, length - done);
            int written = _writer.Write(piece);
            done += written;
            if (written < piece.Length)
            {
                break;
            }
        }

        return done;
    }

    private void WriteHeader(Span<byte> header, int skip, int frame, ulong features)
    {
        header.Clear();
        if (port.HasHeader)
        {
            port.Received.Copy(FrameRing.Prefix, header);
        }
        else if ((features & VirtioNet.FeatureGuestChecksum) != 0 && HasGoodChecksum(skip, frame))
        {
            // Summed up here at the speed of the Host, it need not be summed up there at the speed of a Guest.
            header[0] = VirtioNetHeader.DataValid;
        }
    }

    private bool HasGoodChecksum(int skip, int frame)
    {
        FrameRing ring = port.Received;
        Span<byte> headers = _headers.AsSpan(0, Math.Min(frame, _headers.Length));
        ring.Copy(skip, headers);
        if (!FrameLayout.TryRead(headers, frame, out FrameLayout layout))
        {
            return false;
        }

        // A UDP packet may go without.
        int length = layout.End - layout.Transport;
        if (layout.Protocol == FrameLayout.Udp && (headers[layout.Transport + 6] | headers[layout.Transport + 7]) == 0)
        {
            return false;
        }

        uint pseudo = InternetChecksum.PseudoHeader(headers[layout.Addresses], layout.Protocol, length);
        ReadOnlySpan<byte> first = ring.Peek(skip + layout.Transport, length);
        ReadOnlySpan<byte> second = ring.Peek(skip + layout.Transport + first.Length, length - first.Length);
        return InternetChecksum.Finish(InternetChecksum.Add(pseudo, first, second)) == 0;
    }
}
