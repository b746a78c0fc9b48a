using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using Lguest.Jit.Launcher.Loading;

namespace Lguest.Jit.Launcher.Net;

/// <summary>
/// A passt of our own: started with one end of a socket pair, in the foreground, so that it ends when the other end is
/// closed, and that is at the latest when this process is gone, however it went.
/// </summary>
internal sealed class PasstProcess : IDisposable
{
    private const int KeptLines = 4;

    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_wordsLimit = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly Queue<string> _lines = new();

    private PasstProcess(Process process) => _process = process;

    /// <summary>What it said at the end, or that it said nothing.</summary>
    public string LastWords
    {
        get
        {
            string how = HasEnded() ? $"passt ended with exit code {_process.ExitCode}" : "passt closed the connection";
            lock (_lines)
            {
                return _lines.Count == 0 ? how : $"{how}: {string.Join("; ", _lines)}";
            }
        }
    }

    /// <summary>Starts it and waits until it answers.</summary>
    /// <param name="options">What the user wants of it.</param>
    /// <param name="socket">Our end.</param>
    /// <exception cref="LoadException">There is no passt, or it refuses.</exception>
    public static PasstProcess Start(NetOptions options, out Socket socket)
    {
        (socket, int theirs) = SocketPair.Create();
        var start = new ProcessStartInfo("passt") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        Array.ForEach(Arguments(options, theirs), start.ArgumentList.Add);
        PasstProcess passt;
        try
        {
            passt = new PasstProcess(Process.Start(start)!);
        }
        catch (Win32Exception e)
        {
            socket.Dispose();
            throw new LoadException($"--net passt: cannot start passt: {e.Message}");
        }
        finally
        {
            _ = SocketPair.Close(theirs);
        }

        passt.Listen();
        if (!Answers(socket, options.Mac))
        {
            string words = passt.LastWords;
            socket.Dispose();
            passt.Dispose();
            throw new LoadException($"--net passt: {words}");
        }

        return passt;
    }

    /// <summary>Its socket is closed: it goes, or is sent.</summary>
    public void Dispose()
    {
        if (!_process.WaitForExit(s_endLimit))
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    /// <summary>Its socket closes a moment before it is gone, and only when its stderr has ended, too, has everything been heard.</summary>
    private bool HasEnded()
    {
        using var limit = new CancellationTokenSource(s_wordsLimit);
        try
        {
            _process.WaitForExitAsync(limit.Token).GetAwaiter().GetResult();
            return true;
        }
        catch (OperationCanceledException)
        {
            return _process.HasExited;
        }
    }

    private static string[] Arguments(NetOptions options, int socket)
    {
        List<string> arguments = ["--foreground", "--quiet", "--fd", $"{socket}", "--mtu", $"{options.EffectiveMtu}"];
        foreach (PortForward forward in options.Forwards)
        {
            arguments.Add(forward.Udp ? "--udp-ports" : "--tcp-ports");
            arguments.Add(forward.Ports);
        }

        return [.. arguments];
    }

    private void Listen()
    {
        _process.StandardInput.Close();
        DataReceivedEventHandler keep = (_, line) => Keep(line.Data);
        _process.OutputDataReceived += keep;
        _process.ErrorDataReceived += keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    private void Keep(string? line)
    {
        // Where there is no system log it complains about every line that it would have logged; and as root it says what it does about that.
        if (string.IsNullOrWhiteSpace(line) || line.EndsWith("bytes to syslog", StringComparison.Ordinal) || line.StartsWith("Don't run as root", StringComparison.Ordinal))
        {
            return;
        }

        lock (_lines)
        {
            _lines.Enqueue(line.Trim());
            if (_lines.Count > KeptLines)
            {
                _lines.Dequeue();
            }
        }
    }

    /// <summary>
    /// Nothing else tells when passt has read its arguments and bound its ports: so we ask whether anybody has a certain address,
    /// as a host does that looks for a free one (ARP probe, RFC 5227), and passt says, as always, that it has.
    /// </summary>
    private static bool Answers(Socket socket, MacAddress mac)
    {
        socket.ReceiveTimeout = (int)s_startLimit.TotalMilliseconds;
        byte[] answer = new byte[2048];
        try
        {
            socket.Send(ArpProbe.Build(mac));
            for (int filled = 0; !ArpProbe.IsAnswered(answer.AsSpan(0, filled));)
            {
                int count = filled == answer.Length ? 0 : socket.Receive(answer.AsSpan(filled), SocketFlags.None);
                if (count == 0)
                {
                    return false;
                }

                filled += count;
            }
        }
        catch (SocketException e)
        {
            // One that is only slow may yet come.
            if (e.SocketErrorCode is not (SocketError.TimedOut or SocketError.WouldBlock))
            {
                return false;
            }
        }

        socket.ReceiveTimeout = 0;
        return true;
    }
}
