using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using static Lguest.Jit.Launcher.Storage.NbdProtocol;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>What an NBD server says about an export.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="Flags">What it can do.</param>
/// <param name="BlockSize">What can be read and written by itself; a power of two.</param>
/// <param name="MaximumPayload">Bytes in one request at most.</param>
internal sealed record NbdExport(ulong Size, Export Flags, uint BlockSize, uint MaximumPayload)
{
    /// <summary>What every server takes that says nothing (doc/proto.md, "Block size constraints").</summary>
    public const uint DefaultPayload = 32 << 20;

    private const int DefaultBlockSize = DiskStore.SectorSize;

    public NbdExport()
        : this(0, Export.None, DefaultBlockSize, DefaultPayload)
    {
    }

    /// <summary>With what an NBD_INFO reply says.</summary>
    /// <exception cref="NbdException">It is nonsense.</exception>
    public NbdExport With(ReadOnlySpan<byte> reply)
    {
        if (reply.Length < 2)
        {
            throw new NbdException("the server's information has no type");
        }

        var type = (Information)BinaryPrimitives.ReadUInt16BigEndian(reply);
        switch (type)
        {
            case Information.Export when reply.Length == 12:
                return this with { Size = BinaryPrimitives.ReadUInt64BigEndian(reply[2..]), Flags = (Export)BinaryPrimitives.ReadUInt16BigEndian(reply[10..]) };
            case Information.BlockSize when reply.Length == 14:
                uint smallest = BinaryPrimitives.ReadUInt32BigEndian(reply[2..]);
                uint largest = BinaryPrimitives.ReadUInt32BigEndian(reply[10..]);
                if (!BitOperations.IsPow2(smallest) || largest < smallest)
                {
                    throw new NbdException($"the server's block sizes are nonsense ({smallest} to {largest})");
                }

                uint size = Math.Max(smallest, DefaultBlockSize);
                return this with { BlockSize = size, MaximumPayload = Math.Max(Math.Min(largest, DefaultPayload) & ~(size - 1), size) };
            case Information.Export or Information.BlockSize:
                throw new NbdException($"the server's information of type {(int)type} has {reply.Length} bytes");
            default:
                return this;
        }
    }
}

/// <summary>The server does not speak the protocol, or does not want to speak to us.</summary>
internal sealed class NbdException(string message) : Exception(message);

/// <summary>
/// The beginning of a conversation with an NBD server: fixed newstyle, NBD_OPT_GO, or NBD_OPT_EXPORT_NAME with those who have not
/// heard of it. When it is over, the stream stands at the first request.
/// </summary>
/// <param name="stream">Connected.</param>
internal sealed class NbdHandshake(Stream stream)
{
    /// <summary>No reply to an option needs more; a server that sends more is none.</summary>
    private const uint LongestReply = 64 * 1024;

    private const int ZeroesAfterExport = 124;

    /// <summary>Replies to one option: the information we asked for, what we did not, and an end.</summary>
    private const int MostReplies = 64;

    /// <summary>Agrees on an export.</summary>
    /// <exception cref="NbdException">No agreement; why is said.</exception>
    /// <exception cref="IOException">The server went away.</exception>
    public NbdExport Run(string name)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.Length > MaximumName)
        {
            throw new NbdException("the export's name is too long");
        }

        if (Read64() != Magic || Read64() != OptionMagic)
        {
            throw new NbdException("not an NBD server, or one from before 2009");
        }

        var offered = (Handshake)Read16();
        if ((offered & Handshake.FixedNewstyle) == 0)
        {
            throw new NbdException("the server does not speak the fixed newstyle of the protocol");
        }

        Handshake agreed = offered & (Handshake.FixedNewstyle | Handshake.NoZeroes);
        Span<byte> flags = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(flags, (uint)agreed);
        stream.Write(flags);
        return TryGo(bytes) ?? AskByName(bytes, agreed);
    }

    /// <summary>NBD_OPT_GO; null if the server has not heard of it.</summary>
    private NbdExport? TryGo(byte[] name)
    {
        byte[] data = new byte[4 + name.Length + 4];
        BinaryPrimitives.WriteUInt32BigEndian(data, (uint)name.Length);
        name.CopyTo(data, 4);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(4 + name.Length), 1);
        BinaryPrimitives.WriteUInt16BigEndian(data.AsSpan(6 + name.Length), (ushort)Information.BlockSize);
        SendOption(Option.Go, data);
        var export = new NbdExport();
        for (int i = 0; i < MostReplies; i++)
        {
            (OptionReply type, byte[] reply) = ReadReply(Option.Go);
            switch (type)
            {
                case OptionReply.Information:
                    export = export.With(reply);
                    break;
                case OptionReply.Acknowledged:
                    return export;
                case OptionReply.ErrorUnsupported:
                    return null;
                default:
                    throw new NbdException(Describe(type, reply));
            }
        }

        throw new NbdException("the server's replies do not end");
    }

    /// <summary>NBD_OPT_EXPORT_NAME: a server that does not like the name hangs up.</summary>
    private NbdExport AskByName(byte[] name, Handshake agreed)
    {
        SendOption(Option.ExportName, name);
        ulong size = Read64();
        var flags = (Export)Read16();
        if ((agreed & Handshake.NoZeroes) == 0)
        {
            stream.ReadExactly(new byte[ZeroesAfterExport]);
        }

        return new NbdExport { Size = size, Flags = flags };
    }

    private void SendOption(Option option, ReadOnlySpan<byte> data)
    {
        byte[] message = new byte[16 + data.Length];
        BinaryPrimitives.WriteUInt64BigEndian(message, OptionMagic);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(8), (uint)option);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(12), (uint)data.Length);
        data.CopyTo(message.AsSpan(16));
        stream.Write(message);
    }

    private (OptionReply Type, byte[] Data) ReadReply(Option option)
    {
        if (Read64() != OptionReplyMagic || Read32() != (uint)option)
        {
            throw new NbdException("the server answers something else");
        }

        var type = (OptionReply)Read32();
        uint length = Read32();
        if (length > LongestReply)
        {
            throw new NbdException($"the server's reply has {length} bytes");
        }

        byte[] data = new byte[length];
        stream.ReadExactly(data);
        return (type, data);
    }

    private static string Describe(OptionReply type, byte[] reply)
    {
        string reason = type switch
        {
            OptionReply.ErrorUnknown => "the server has no such export",
            OptionReply.ErrorPolicy => "the server refuses",
            OptionReply.ErrorTlsRequired => "the server wants TLS",
            OptionReply.ErrorShutdown => "the server is shutting down",
            OptionReply.ErrorBlockSizeRequired => "the server wants another block size",
            _ => $"the server refuses (0x{(uint)type:x8})",
        };
        string said = Encoding.UTF8.GetString(reply.AsSpan(0, Math.Min(reply.Length, 200)));
        return said.Length == 0 ? reason : $"{reason}: {said}";
    }

    private ulong Read64()
    {
        Span<byte> bytes = stackalloc byte[8];
        stream.ReadExactly(bytes);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    private uint Read32()
    {
        Span<byte> bytes = stackalloc byte[4];
        stream.ReadExactly(bytes);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private ushort Read16()
    {
        Span<byte> bytes = stackalloc byte[2];
        stream.ReadExactly(bytes);
        return BinaryPrimitives.ReadUInt16BigEndian(bytes);
    }
}
