using System.Buffers.Binary;
using System.Net.Sockets;
using Lguest.Jit.Launcher.Loading;
using static Lguest.Jit.Launcher.Storage.NbdProtocol;

namespace Lguest.Jit.Launcher.Storage;

/// <summary>
/// A disk that somebody else serves over the NBD protocol: qemu-nbd any image format, nbdkit nearly anything. Requests of several
/// threads are under way at once, told apart by their handles; a thread of its own reads the replies, in whatever order they come.
/// </summary>
/// <remarks>
/// <para>
/// Invariant: whoever waits for a reply waits until the reader is done with his request, or is gone. So nobody's memory is written to
/// after his call has returned. When the connection fails, the reader fails everybody who waits, and everybody who comes later: a disk
/// that is gone stays gone, since nobody can know what the server still did.
/// </para>
/// </remarks>
internal sealed class NbdDisk : DiskStore
{
    private const int HandshakeMilliseconds = 30_000;
    private const int StagingSize = 128 * 1024;
    private const int MostBlockSize = 4096;

    private readonly Socket _socket;
    private readonly NbdExport _export;
    private readonly Thread _reader;
    private readonly Lock _sending = new();
    private readonly object _gate = new();
    private readonly Dictionary<ulong, Request> _waiting = [];
    private readonly byte[] _staging = GC.AllocateUninitializedArray<byte>(StagingSize);
    private ulong _nextHandle;
    private bool _dead;

    private NbdDisk(Socket socket, NbdExport export, bool readOnly)
    {
        _socket = socket;
        _export = export;
        IsReadOnly = readOnly || Can(Export.ReadOnly);
        _reader = new Thread(ReadReplies) { IsBackground = true, Name = "nbd" };
        _reader.Start();
    }

    /// <summary>One that is under way.</summary>
    private sealed class Request
    {
        /// <summary>Where what was read goes; good while the caller waits.</summary>
        public nint Pieces { get; init; }

        public int Count { get; init; }

        public bool Done { get; set; }

        public int Error { get; set; }
    }

    /// <inheritdoc/>
    public override ulong Size => _export.Size;

    /// <inheritdoc/>
    public override bool IsReadOnly { get; }

    /// <inheritdoc/>
    public override int BlockSize => (int)_export.BlockSize;

    /// <param name="text">An address for which <see cref="NbdUri.IsOne"/> holds.</param>
    /// <param name="readOnly">Never write.</param>
    /// <exception cref="LoadException">There is no such disk; why is said.</exception>
    public static NbdDisk Open(string text, bool readOnly)
    {
        NbdUri uri = NbdUri.Parse(text);
        Socket? socket = null;
        try
        {
            socket = uri.Server is UnixDomainSocketEndPoint
                ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
                : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.ReceiveTimeout = socket.SendTimeout = HandshakeMilliseconds;
            socket.Connect(uri.Server);
            NbdExport export;
            using (var stream = new NetworkStream(socket, ownsSocket: false))
            {
                export = new NbdHandshake(stream).Run(uri.Export);
            }

            Check(export);
            socket.ReceiveTimeout = socket.SendTimeout = 0;
            return new NbdDisk(socket, export, readOnly);
        }
        catch (Exception e) when (e is SocketException or IOException or NbdException or PlatformNotSupportedException)
        {
            socket?.Dispose();
            string reason = e switch
            {
                NbdException => e.Message,
                EndOfStreamException => "the server hung up",
                IOException { InnerException: SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock } } => "the server does not answer",
                _ => $"cannot connect: {e.Message}",
            };
            throw new LoadException($"disk {text}: {reason}");
        }
    }

    /// <inheritdoc/>
    public override int Read(ulong offset, ReadOnlySpan<HostPiece> pieces) => InParts(Command.Read, CommandFlags.None, offset, pieces);

    /// <inheritdoc/>
    public override int Write(ulong offset, ReadOnlySpan<HostPiece> pieces) => InParts(Command.Write, CommandFlags.None, offset, pieces);

    /// <inheritdoc/>
    public override int WriteThrough(ulong offset, ReadOnlySpan<HostPiece> pieces) =>
        Can(Export.Fua) ? InParts(Command.Write, CommandFlags.Fua, offset, pieces) : base.WriteThrough(offset, pieces);

    /// <inheritdoc/>
    public override int Flush() =>
        Can(Export.Flush) && !IsReadOnly ? Call(Command.Flush, CommandFlags.None, 0, 0, []) : HostError.None;

    /// <inheritdoc/>
    public override int Discard(ulong offset, ulong length) =>
        Can(Export.Trim) ? InParts(Command.Trim, CommandFlags.None, offset, length) : HostError.None;

    /// <inheritdoc/>
    public override int WriteZeroes(ulong offset, ulong length, bool mayUnmap) => Can(Export.WriteZeroes)
        ? InParts(Command.WriteZeroes, mayUnmap ? CommandFlags.None : CommandFlags.NoHole, offset, length)
        : WriteZeroBytes(offset, length);

    /// <inheritdoc/>
    public override void Abort()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was no connection any more.
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        try
        {
            lock (_sending)
            {
                Span<byte> goodbye = stackalloc byte[RequestSize];
                WriteHeader(goodbye, Command.Disconnect, CommandFlags.None, 0, 0, 0);
                _socket.SendTimeout = 1000;
                _socket.Send(goodbye);
            }
        }
        catch (SocketException)
        {
            // Then without.
        }

        Abort();
        _reader.Join();
        _socket.Dispose();
    }

    private bool Can(Export flag) => (_export.Flags & (Export.HasFlags | flag)) == (Export.HasFlags | flag);

    private static void Check(NbdExport export)
    {
        if (export.Size == 0 || export.Size > long.MaxValue || export.Size % export.BlockSize != 0)
        {
            throw new NbdException(export.Size == 0 ? "the export is empty" : $"the export's {export.Size} bytes are not a multiple of {export.BlockSize}");
        }

        if (export.BlockSize > MostBlockSize)
        {
            throw new NbdException($"the server wants blocks of {export.BlockSize} bytes, which is more than {MostBlockSize}");
        }
    }

    /// <summary>Reads or writes, in as many requests as the server's largest makes it.</summary>
    private int InParts(Command command, CommandFlags flags, ulong offset, ReadOnlySpan<HostPiece> pieces)
    {
        ulong length = HostPiece.Total(pieces);
        if (length <= _export.MaximumPayload)
        {
            return length == 0 ? HostError.None : Call(command, flags, offset, (uint)length, pieces);
        }

        int error = HostError.None;
        HostPiece[] slice = new HostPiece[pieces.Length];
        for (ulong done = 0; done < length && error == HostError.None;)
        {
            uint part = (uint)Math.Min(length - done, _export.MaximumPayload);
            error = Call(command, flags, offset + done, part, HostPiece.Slice(pieces, done, part, slice));
            done += part;
        }

        return error;
    }

    private int InParts(Command command, CommandFlags flags, ulong offset, ulong length)
    {
        // Without data only the field limits it.
        uint most = uint.MaxValue & ~(_export.BlockSize - 1);
        int error = HostError.None;
        while (length != 0 && error == HostError.None)
        {
            uint part = (uint)Math.Min(length, most);
            error = Call(command, flags, offset, part, []);
            offset += part;
            length -= part;
        }

        return error;
    }

    private unsafe int WriteZeroBytes(ulong offset, ulong length)
    {
        byte[] zeroes = new byte[(int)Math.Min(length, 1 << 20)];
        int error = HostError.None;
        fixed (byte* first = zeroes)
        {
            while (length != 0 && error == HostError.None)
            {
                ulong part = Math.Min(length, (ulong)zeroes.Length);
                error = Write(offset, [new HostPiece((nint)first, (nuint)part)]);
                offset += part;
                length -= part;
            }
        }

        return error;
    }

    /// <summary>One request and its reply.</summary>
    private unsafe int Call(Command command, CommandFlags flags, ulong offset, uint length, ReadOnlySpan<HostPiece> pieces)
    {
        fixed (HostPiece* first = pieces)
        {
            var request = command == Command.Read ? new Request { Pieces = (nint)first, Count = pieces.Length } : new Request();
            ulong handle;
            lock (_gate)
            {
                if (_dead)
                {
                    return HostError.Shutdown;
                }

                handle = _nextHandle++;
                _waiting.Add(handle, request);
            }

            Span<byte> header = stackalloc byte[RequestSize];
            WriteHeader(header, command, flags, handle, offset, length);
            Send(header, command == Command.Write ? pieces : []);
            lock (_gate)
            {
                while (!request.Done)
                {
                    Monitor.Wait(_gate);
                }
            }

            return request.Error;
        }
    }

    private static void WriteHeader(Span<byte> header, Command command, CommandFlags flags, ulong handle, ulong offset, uint length)
    {
        BinaryPrimitives.WriteUInt32BigEndian(header, RequestMagic);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)flags);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], (ushort)command);
        BinaryPrimitives.WriteUInt64BigEndian(header[8..], handle);
        BinaryPrimitives.WriteUInt64BigEndian(header[16..], offset);
        BinaryPrimitives.WriteUInt32BigEndian(header[24..], length);
    }

    /// <summary>Through a buffer: what the Guest has scattered over many pages should not be as many packets.</summary>
    private void Send(ReadOnlySpan<byte> header, ReadOnlySpan<HostPiece> pieces)
    {
        try
        {
            lock (_sending)
            {
                header.CopyTo(_staging);
                int filled = header.Length;
                foreach (HostPiece piece in pieces)
                {
                    for (nuint done = 0; done < piece.Length;)
                    {
                        int part = (int)Math.Min((nuint)(StagingSize - filled), piece.Length - done);
                        new HostPiece(piece.Address + (nint)done, (nuint)part).Bytes.CopyTo(_staging.AsSpan(filled));
                        filled += part;
                        done += (nuint)part;
                        if (filled == StagingSize)
                        {
                            SendAll(_staging);
                            filled = 0;
                        }
                    }
                }

                SendAll(_staging.AsSpan(0, filled));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The reader notices, and tells everybody; us too.
            Abort();
        }
    }

    private void SendAll(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }

    /// <summary>The reader's life.</summary>
    private void ReadReplies()
    {
        Span<byte> header = stackalloc byte[SimpleReplySize];
        while (TryReceive(header) && BinaryPrimitives.ReadUInt32BigEndian(header) == SimpleReplyMagic)
        {
            ulong handle = BinaryPrimitives.ReadUInt64BigEndian(header[8..]);
            Request? request;
            lock (_gate)
            {
                if (!_waiting.TryGetValue(handle, out request))
                {
                    // Nobody asked: we no longer know where in the stream we are.
                    break;
                }
            }

            uint error = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
            if (error == HostError.None && !TryReceive(request))
            {
                break;
            }

            lock (_gate)
            {
                _waiting.Remove(handle);
                request.Error = (int)Math.Min(error, int.MaxValue);
                request.Done = true;
                Monitor.PulseAll(_gate);
            }
        }

        lock (_gate)
        {
            _dead = true;
            foreach (Request request in _waiting.Values)
            {
                request.Error = HostError.Shutdown;
                request.Done = true;
            }

            _waiting.Clear();
            Monitor.PulseAll(_gate);
        }

        Abort();
    }

    private unsafe bool TryReceive(Request request)
    {
        foreach (HostPiece piece in new ReadOnlySpan<HostPiece>((void*)request.Pieces, request.Count))
        {
            if (!TryReceive(piece.Bytes))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryReceive(Span<byte> bytes)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                int got = _socket.Receive(bytes);
                if (got == 0)
                {
                    return false;
                }

                bytes = bytes[got..];
            }

            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }
}
