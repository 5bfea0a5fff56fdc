package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/verigate/verigate/internal/freeport"
)

// process is one process of a cluster, or the place of one that was killed.
type process struct {
	name, service string
	program       string
	config, log   string // files
	ports         ports
	release       func() // the ports, which are held until the first start
	running       *os.Process
	ended         chan struct{} // closed when it has ended
}

func (c *Cluster) newProcess(name, service string) *process {
	return &process{
		name: name, service: service, program: c.config.Server, release: func() {},
		config: filepath.Join(c.config.Dir, name+".yaml"), log: filepath.Join(c.config.Dir, name+".log"),
	}
}

func (p *process) holdPorts() (err error) {
	p.release, err = freeport.Hold(&p.ports.grpc, &p.ports.membership, &p.ports.http)
	return err
}

// start starts the process. The system kills it when the thread ends that started it, so that thread stays.
func (p *process) start() error {
	if p.started() && !p.hasEnded() {
		return fmt.Errorf("cluster: %s runs", p.name)
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	command := exec.Command(p.program, "--config-file", p.config, "--allow-no-auth", "start", "--service", p.service) //nolint:gosec // the caller's program
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	p.release()
	go func() {
		defer close(ended)
		defer func() { _ = log.Close() }()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait() // it is killed; what it had to say is in its log
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("cluster: start %s: %w", p.name, err)
	}
	p.running, p.ended = command.Process, ended
	return nil
}

func (p *process) started() bool { return p.running != nil }

// hasEnded says whether a process that was started has ended.
func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) kill() error {
	p.release()
	if !p.started() || p.hasEnded() {
		return nil
	}
	err := p.running.Kill()
	<-p.ended
	return err
}

// tail is the end of its log.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}
