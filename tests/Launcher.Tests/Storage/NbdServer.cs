using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Lguest.Jit.Guests.Stress;

namespace Lguest.Jit.Launcher.Tests.Storage;

/// <summary>
/// An NBD server of the smallest kind, in memory, for one client: fixed newstyle, simple replies. It can be told to be an old one, to answer
/// in another order, to fail, to die.
/// </summary>
internal sealed class NbdServer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Thread _thread;
    private volatile Socket? _client;

    public NbdServer()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(1);
        _thread = new Thread(Serve) { IsBackground = true };
        _thread.Start();
    }

    public byte[] Bytes { get; } = new byte[256 * 512];

    /// <summary>Does not know NBD_OPT_GO.</summary>
    public bool IsOld { get; init; }

    /// <summary>Transmission flags.</summary>
    public ushort Flags { get; init; } = 1 | 4 | 8 | 32 | 64;

    /// <summary>Answers pairs of requests, the second first.</summary>
    public bool InPairs { get; init; }

    /// <summary>NBD_INFO_BLOCK_SIZE: least and most; 0: not told.</summary>
    public (uint Least, uint Most) BlockSize { get; init; }

    /// <summary>Error number of each reply.</summary>
    public uint Error { get; set; }

    /// <summary>Takes requests and says nothing.</summary>
    public bool IsDumb { get; set; }

    /// <summary>The magic number that replies begin with.</summary>
    public uint ReplyMagic { get; set; } = 0x67446698;

    public List<(ushort Flags, ushort Type, ulong Offset, uint Length)> Seen { get; } = [];

    public string Uri => $"nbd://127.0.0.1:{((IPEndPoint)_listener.LocalEndPoint!).Port}/thing";

    public void Die() => _client?.Dispose();

    public void Dispose()
    {
        _listener.Dispose();

        // Whoever has hung up has said so, and that is to be seen.
        if (!_thread.Join(Patience.Limit))
        {
            _client?.Dispose();
            _thread.Join();
        }
    }

    private void Serve()
    {
        try
        {
            using Socket client = _listener.Accept();
            _client = client;
            using var stream = new NetworkStream(client);
            if (Greet(stream))
            {
                Transmit(stream);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // They have hung up, or we have.
        }
    }

    private bool Greet(Stream stream)
    {
        Send(stream, (0x4E42444D41474943, 8), (0x49484156454F5054, 8), (IsOld ? 1u : 3, 2));
        Assert.Equal(IsOld ? 1ul : 3, Number(stream, 4));
        while (true)
        {
            Assert.Equal(0x49484156454F5054ul, Number(stream, 8));
            uint option = (uint)Number(stream, 4);
            byte[] data = new byte[Number(stream, 4)];
            stream.ReadExactly(data);
            if (option == 1)
            {
                Assert.Equal("thing", Encoding.UTF8.GetString(data));
                Send(stream, ((ulong)Bytes.Length, 8), (Flags, 2));
                if (IsOld)
                {
                    stream.Write(new byte[124]);
                }

                return true;
            }

            if (option != 7 || IsOld)
            {
                Send(stream, (0x0003E889045565A9, 8), (option, 4), (0x80000001, 4), (0, 4));
                continue;
            }

            int length = (int)BinaryPrimitives.ReadUInt32BigEndian(data);
            if (Encoding.UTF8.GetString(data, 4, length) != "thing")
            {
                Send(stream, (0x0003E889045565A9, 8), (option, 4), (0x80000006, 4), (0, 4));
                continue;
            }

            Send(stream, (0x0003E889045565A9, 8), (option, 4), (3, 4), (12, 4), (0, 2), ((ulong)Bytes.Length, 8), (Flags, 2));
            if (BlockSize.Most != 0)
            {
                Send(stream, (0x0003E889045565A9, 8), (option, 4), (3, 4), (14, 4), (3, 2), (BlockSize.Least, 4), (BlockSize.Least, 4), (BlockSize.Most, 4));
            }

            Send(stream, (0x0003E889045565A9, 8), (option, 4), (1, 4), (0, 4));
            return true;
        }
    }

    private void Transmit(Stream stream)
    {
        var held = new Stack<(ulong Handle, byte[] Data)>();
        while (true)
        {
            Assert.Equal(0x25609513ul, Number(stream, 4));
            ushort flags = (ushort)Number(stream, 2);
            ushort type = (ushort)Number(stream, 2);
            ulong handle = Number(stream, 8);
            ulong offset = Number(stream, 8);
            uint length = (uint)Number(stream, 4);
            lock (Seen)
            {
                Seen.Add((flags, type, offset, length));
            }

            byte[] data = [];
            switch (type)
            {
                case 0:
                    data = Bytes.AsSpan((int)offset, (int)length).ToArray();
                    break;
                case 1:
                    stream.ReadExactly(Bytes.AsSpan((int)offset, (int)length));
                    break;
                case 2:
                    return;
                case 4 or 6:
                    Bytes.AsSpan((int)offset, (int)length).Clear();
                    break;
            }

            held.Push((handle, data));
            if (InPairs && held.Count < 2)
            {
                continue;
            }

            while (!IsDumb && held.TryPop(out var reply))
            {
                Send(stream, (ReplyMagic, 4), (Error, 4), (reply.Handle, 8));
                if (Error == 0)
                {
                    stream.Write(reply.Data);
                }
            }
        }
    }

    private static ulong Number(Stream stream, int bytes)
    {
        Span<byte> raw = stackalloc byte[8];
        raw.Clear();
        stream.ReadExactly(raw[(8 - bytes)..]);
        return BinaryPrimitives.ReadUInt64BigEndian(raw);
    }

    private static void Send(Stream stream, params (ulong Value, int Bytes)[] numbers)
    {
        byte[] message = new byte[numbers.Sum(static number => number.Bytes)];
        int at = 0;
        Span<byte> raw = stackalloc byte[8];
        foreach ((ulong value, int bytes) in numbers)
        {
            BinaryPrimitives.WriteUInt64BigEndian(raw, value);
            raw[(8 - bytes)..].CopyTo(message.AsSpan(at));
            at += bytes;
        }

        stream.Write(message);
    }
}
