namespace Lguest.Jit.Launcher.Session;

/// <summary>
/// The one wish of the world outside that a running Guest end: a signal, the time limit, the quit key, a failed stdout.
/// The first counts; all of them come from other threads.
/// </summary>
internal sealed class StopRequest
{
    private readonly object _gate = new();
    private readonly List<Action<string>> _listeners = [];
    private (int ExitCode, string Message)? _raised;

    /// <summary>The exit code and the line for the user that go with the request; null while there is none.</summary>
    public (int ExitCode, string Message)? Raised
    {
        get
        {
            lock (_gate)
            {
                return _raised;
            }
        }
    }

    /// <summary>Asks for the end. Later requests change nothing.</summary>
    /// <returns>False: somebody has asked before.</returns>
    public bool Raise(int exitCode, string message)
    {
        lock (_gate)
        {
            if (_raised is not null)
            {
                return false;
            }

            _raised = (exitCode, message);
            foreach (Action<string> listener in _listeners)
            {
                listener(message);
            }

            return true;
        }
    }

    /// <summary>Who is told: at once if it has happened already. Must not wait for anything.</summary>
    public void Subscribe(Action<string> listener)
    {
        lock (_gate)
        {
            _listeners.Add(listener);
            if (_raised is { } raised)
            {
                listener(raised.Message);
            }
        }
    }

    /// <summary>Not called any more once this has returned.</summary>
    public void Unsubscribe(Action<string> listener)
    {
        lock (_gate)
        {
            _listeners.Remove(listener);
        }
    }
}
