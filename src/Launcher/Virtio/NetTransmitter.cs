using Lguest.Jit.Core.Memory;
using Lguest.Jit.Launcher.Net;

namespace Lguest.Jit.Launcher.Virtio;

/// <summary>The sending half of the network card: out of Guest memory into the port's ring. A packet that makes no sense is lost, not an error.</summary>
/// <param name="ram">Where the packets are.</param>
/// <param name="port">Has room for <see cref="Segmenter.MaximumBurst"/>.</param>
internal sealed class NetTransmitter(GuestRam ram, NetPort port)
{
    private readonly byte[] _scratch = new byte[NetPort.MaximumFrame];

    /// <param name="chain">virtio_net_hdr_v1 and frame, cut anywhere.</param>
    /// <param name="features">What the driver has agreed to.</param>
    public void Send(DescriptorChain chain, ulong features)
    {
        long total = 0;
        foreach (DescriptorChain.Piece piece in chain.Readable)
        {
            total += piece.Length;
        }

        if (total is < VirtioNetHeader.Size + FrameLayout.EthernetHeader or > NetPort.MaximumFrame)
        {
            return;
        }

        Span<byte> headerBytes = stackalloc byte[VirtioNetHeader.Size];
        Gather(chain, 0, headerBytes);
        VirtioNetHeader header = Believable(VirtioNetHeader.Read(headerBytes), features);
        if (port.HasHeader)
        {
            SendWithHeader(chain, (int)total, headerBytes, header);
        }
        else
        {
            SendFinished(chain, (int)total - VirtioNetHeader.Size, header);
        }
    }

    /// <summary>The other end does what is left to do. What the driver did not agree to leave to anybody is not passed on.</summary>
    private void SendWithHeader(DescriptorChain chain, int length, Span<byte> headerBytes, VirtioNetHeader header)
    {
        headerBytes[0] = header.Flags;
        headerBytes[1] = header.GsoType;
        headerBytes[VirtioNetHeader.NumBuffers..].Clear();
        Span<byte> record = Place(length);
        Gather(chain, 0, record);
        headerBytes.CopyTo(record);
        Put(record);
    }

    private void SendFinished(DescriptorChain chain, int length, VirtioNetHeader header)
    {
        Span<byte> frame = Place(length);
        Gather(chain, VirtioNetHeader.Size, frame);
        bool tooLarge = length > port.Mtu + FrameLayout.EthernetHeader + FrameLayout.VlanTag;
        if (header.GsoType != VirtioNetHeader.GsoNone && tooLarge)
        {
            // The segments go where the packet would have gone.
            frame.CopyTo(_scratch);
            int put = Segmenter.PutSegments(port.ToSend, _scratch.AsSpan(0, length), header);
            port.ToSend.Put(put);
            return;
        }

        if (!tooLarge && ((header.Flags & VirtioNetHeader.NeedsChecksum) == 0 || Segmenter.TryFillChecksum(frame, header)))
        {
            Put(frame);
        }
    }

    /// <summary>Space for one frame in one piece: where it goes in the ring, or beside it when the ring's end comes in between.</summary>
    private Span<byte> Place(int length)
    {
        Span<byte> inRing = port.ToSend.RoomFrom(FrameRing.Prefix, length);
        return inRing.Length == length ? inRing : _scratch.AsSpan(0, length);
    }

    private void Put(Span<byte> frame)
    {
        FrameRing ring = port.ToSend;
        ring.StorePrefix(0, frame.Length);
        if (ring.RoomFrom(FrameRing.Prefix, frame.Length).Length != frame.Length)
        {
            ring.Store(FrameRing.Prefix, frame);
        }

        ring.Put(FrameRing.Prefix + frame.Length);
    }

    /// <summary>Copies from <paramref name="skip"/> bytes behind the start of the chain on.</summary>
    private void Gather(DescriptorChain chain, int skip, Span<byte> destination)
    {
        long before = skip;
        foreach (DescriptorChain.Piece piece in chain.Readable)
        {
            if (before >= piece.Length)
            {
                before -= piece.Length;
                continue;
            }

            int length = (int)Math.Min(piece.Length - before, destination.Length);
            ram.View(piece.Address + (uint)before, (uint)length).CopyTo(destination);
            destination = destination[length..];
            before = 0;
            if (destination.IsEmpty)
            {
                return;
            }
        }
    }

    private static VirtioNetHeader Believable(VirtioNetHeader header, ulong features) => header with
    {
        Flags = (byte)((features & VirtioNet.FeatureChecksum) != 0 ? header.Flags & VirtioNetHeader.NeedsChecksum : 0),
        GsoType = (header.GsoType & ~VirtioNetHeader.GsoEcn) is VirtioNetHeader.GsoTcp4 or VirtioNetHeader.GsoTcp6 && (features & VirtioNet.FeatureHostTso) != 0
            ? header.GsoType
            : VirtioNetHeader.GsoNone,
    };
}
